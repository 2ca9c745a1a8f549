"""The analyst with a model: prose without figures of its own."""

from __future__ import annotations

import json

import pytest
from protocol_server import ProtocolServer
from protocol_server.behaviours import answer
from protocol_server.workbench import Workbench, spec

from agents.analyst import LlmAnalyst
from agents.offline.analyst import OfflineAnalyst
from nightforge.domain.candidate import Tally
from nightforge.domain.evidence import Metric
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.team import Finalist, ReportContext
from nightforge.domain.words import Direction


@pytest.fixture
def context() -> ReportContext:
    return ReportContext(
        plan=Plan(
            goal="g",
            task="softmax-long",
            objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
            budget=Budget(evaluations=60),
        ),
        calibration=None,
        tally=Tally(candidates=61, evaluations=40),
        finalists=(
            Finalist(ordinal=9, confirmed=True, metrics={"speedup": Metric(value=1.312, unit="x")}, diff="-a\n+b"),
        ),
    )


@pytest.fixture
def analyst(bench: Workbench, protocol_server: ProtocolServer) -> LlmAnalyst:
    return LlmAnalyst(bench.client(spec(protocol_server.base_url)), campaign_id=bench.campaign_id)


async def test_sentences_with_unknown_figures_are_left_out(
    analyst: LlmAnalyst, bench: Workbench, protocol_server: ProtocolServer, context: ReportContext
) -> None:
    said = {
        "summary": "Candidate 9 reaches 1.3x by fusing. It would reach 7.5x elsewhere. 40 evaluations were made.",
        "next_steps": ["Try longer rows.", "Ask for 512 threads."],
        "lessons": ["Fusing passes pays."],
    }
    protocol_server.script(answer(json.dumps(said)))
    analysis = await analyst.analyse(context)
    assert analysis.summary == "Candidate 9 reaches 1.3x by fusing. 40 evaluations were made."
    assert analysis.next_steps == ("Try longer rows.",)
    assert analysis.lessons == ("Fusing passes pays.",)
    assert bench.calls()[0].key.step == "analyse"
    assert "-a\n+b" in protocol_server.requests[0].prompt


async def test_a_summary_of_invented_figures_only_gives_way_to_the_offline_one(
    analyst: LlmAnalyst, protocol_server: ProtocolServer, context: ReportContext
) -> None:
    said = {"summary": "It is 99 times faster.", "next_steps": [], "lessons": ["Fusing pays."]}
    protocol_server.script(answer(json.dumps(said)))
    offline = await OfflineAnalyst().analyse(context)
    analysis = await analyst.analyse(context)
    assert analysis.summary == offline.summary
    assert analysis.lessons == ("Fusing pays.",)


async def test_an_unusable_reply_gives_way_to_the_offline_analyst(
    analyst: LlmAnalyst, protocol_server: ProtocolServer, context: ReportContext
) -> None:
    protocol_server.always(answer("All went well."))
    assert await analyst.analyse(context) == await OfflineAnalyst().analyse(context)
