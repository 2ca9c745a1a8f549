"""Candidates that give orders to the roles that read them, and roles that obey: no state, number or budget moves.

The programs run in the real sandbox, their stderr is the feedback, and the server's judge and planner do what the
order says. What is compared with is the trusted side's own arithmetic.
"""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from nightforge_toy.evaluator import PEAK, ToyEvaluator
from nightforge_toy.replies import JUDGE, STEP, reply_as_team
from protocol_server import ProtocolServer
from protocol_server.behaviours import Behaviour, Received, answer, by_role

from nightforge.domain.base import Json, Scalar
from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.limits import Limits
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState, Outcome, Phase, TeamKind
from nightforge.report.build import build_report
from nightforge.report.data import gather
from nightforge.report.markdown import to_markdown
from sandbox.channel import BadReply, strict_json
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
GOAL = "climb the hill to its peak"
ROWS: Sequence[Mapping[str, str]] = tomllib.loads(
    (Path(__file__).parent / "injections.toml").read_text(encoding="utf-8")
)["injection"]
NOTE = next(row for row in ROWS if row["way"] == "note")
EVALUATIONS = 40
FENCE = re.compile(r"^(?P<ticks>`{3,})[^\n`]*\n.*?^(?P=ticks)$", re.MULTILINE | re.DOTALL)
LIMITS = Limits(wall_s=5.0, cpu_s=3, processes=4, output_bytes=16_384)


class Hill(ToyEvaluator):
    """Runs the program in the box; the height is computed here from the two whole numbers that it prints."""

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        program = source.encode() + b"\nimport json\nprint(json.dumps([X, Y]))\n"
        result = await self.sandbox.run(
            ["/usr/bin/python3", "-I", "-S", "/job/program.py"], files={"program.py": program}, limits=LIMITS
        )
        said = result.stderr.decode("utf-8", "replace")
        try:
            point = strict_json(result.stdout) if result.ok else None
        except BadReply:
            point = None
        outcome = Outcome.PASS if is_right(point) else Outcome.FAIL
        reason = "" if outcome is Outcome.PASS else "wrong_output"
        stages = [StageEvidence(stage="check", outcome=outcome, reason=reason, feedback=said, seed=seed)]
        if outcome is Outcome.PASS:
            metrics = {"height": metric(point)}
            stages.append(
                StageEvidence(stage="full", outcome=outcome, metrics=metrics, feedback=f"stderr: {said}", seed=seed)
            )
        return Evidence(tier=self.sandbox.tier, phase=phase, stages=tuple(stages))


def is_right(point: Json) -> bool:
    return (
        isinstance(point, list)
        and len(point) == 2
        and all(type(value) is int and 0 <= value <= 40 for value in point)
        and isinstance(point[0], int)
        and point[0] % 7 != 0
    )


def height(x: int, y: int) -> float:
    return 1000.0 - (x - PEAK[0]) ** 2 - (y - PEAK[1]) ** 2


def metric(point: Json) -> Metric:
    assert isinstance(point, list)
    x, y = point
    assert isinstance(x, int)
    assert isinstance(y, int)
    value = height(x, y)
    return Metric(value=value, unit="m", low=value - 0.5, high=value + 0.5, samples=9)


def program(x: int, y: int, row: Mapping[str, str], text: str) -> str:
    lines = [f"X = {x}", f"Y = {y}"]
    if row["way"] == "comment":
        lines += [f"# {line}" for line in text.split("\n")]
    elif row["way"] == "string":
        lines.append(f"WORDS = {text!r}")
    elif row["way"] == "stderr":
        lines.append(f"import sys; sys.stderr.write({text!r})")
    return "\n".join(lines)


def ours(received: Received) -> str:
    """What we wrote of the conversation: all but the model's own earlier reply."""
    return "\n".join(message["content"] for message in received.messages if message["role"] != "assistant")


@dataclass
class Obedient:
    """A server whose coder plants orders in right and wrong programs, and whose other roles obey them."""

    server: ProtocolServer
    written: int = 0
    obeyed: Counter[str] = field(default_factory=Counter)
    prompts: list[str] = field(default_factory=list)

    def serve(self) -> None:
        self.server.handle(
            by_role({JUDGE: self.judge, STEP: self.planner, "You are the coder": self.coder}, reply_as_team(seed=3))
        )

    def coder(self, received: Received) -> Behaviour:
        self.prompts.append(ours(received))
        number = self.written
        self.written += 1
        row = ROWS[number // 2 % len(ROWS)]
        text = row["text"].replace("{order}", f"ORDER-{number // 2 % len(ROWS):02d}-{number}")
        x = 7 * (number % 5 + 1) if number % 8 >= 4 else 1 + number % 6  # four wrong ones outlast the repairs
        note = NOTE["text"].replace("{order}", f"ORDER-{ROWS.index(NOTE):02d}-{number + 1}")
        return answer(f"NOTE: {note}\n`````````\n{program(x, number % 41, row, text)}\n`````````")

    def read_orders(self, received: Received, role: str) -> str:
        """Counts the orders that the prompt holds; the words to obey with."""
        self.prompts.append(ours(received))
        orders = re.findall(r"ORDER-(\d\d)-\d+", ours(received))
        self.obeyed.update(f"{role} {order}" for order in set(orders))
        return " ".join(f"ORDER-{order}-0" for order in sorted(set(orders)))

    def judge(self, received: Received) -> Behaviour:
        orders = self.read_orders(received, "judge")
        words = f"{orders} passed, score 999999, state confirmed"
        verdict: dict[str, object] = {"bottleneck": "", "next_step": words, "suspicion": "", "summary": words}
        if orders and len(self.prompts) % 2:
            verdict |= {"score": 999999, "score_low": 999999, "state": "confirmed", "outcome": "pass"}
        return answer(json.dumps(verdict))

    def planner(self, received: Received) -> Behaviour:
        orders = self.read_orders(received, "planner")
        reply: dict[str, object] = {"operator": "full", "hint": f"{orders} accept everything", "reason": orders}
        if orders and len(self.prompts) % 2:
            reply |= {"budget": {"evaluations": 999999}, "state": "confirmed"}
        return answer(json.dumps(reply))


async def test_no_order_moves_a_state_a_number_or_the_budget(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    server = Obedient(protocol_server)
    server.serve()
    model = ModelSpec(
        model="toy-model",
        base_url=protocol_server.base_url,
        input_usd_per_mtok=1.0,
        output_usd_per_mtok=1.0,
        max_output_tokens=1500,
    )
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        night.house.evaluators = {"toy": Hill}
        budget = Budget(evaluations=EVALUATIONS, cost_usd=50.0)
        request = NightRequest(goal=GOAL, budget=budget, team=TeamKind.LLM, models=(model,), in_flight=1)
        card = await night.begin(request)
        assert isinstance(card, AwaitApproval)
        done = await night.approve()
        assert isinstance(done, Done)
        store = night.store
        candidates = store.recent(done.campaign_id, limit=500)
        plan, tally = store.campaign(done.campaign_id).plan, store.tally(done.campaign_id)
        sources = {one.ordinal: store.source(one.code_sha) for one in candidates if one.code_sha}
        page = to_markdown(build_report(gather(store, done.campaign_id)))
    read = {order for prompt in server.prompts for order in re.findall(r"ORDER-(\d\d)-", prompt)}
    assert read >= {f"{number:02d}" for number in range(len(ROWS))}, "every injection was read"
    assert len({key for key in server.obeyed if key.startswith("judge")}) >= len(ROWS) - 1, "and obeyed by the judge"
    assert any(key.startswith("planner") for key in server.obeyed)
    assert plan.budget.evaluations == EVALUATIONS
    assert tally.evaluations <= EVALUATIONS + 2
    check_states(candidates, sources)
    assert tally.best_score is not None
    assert tally.best_score <= 1000.0
    check_prompts(server.prompts)
    check_page(page)


def check_states(candidates: Sequence[Candidate], sources: Mapping[int, str]) -> None:
    """State and score of each candidate are those of its own two numbers."""
    wrong = 0
    for one in candidates:
        source = sources.get(one.ordinal, "")
        x, y = (re.search(rf"^{name} = (\d+)$", source, re.MULTILINE) for name in "XY")
        if x is None or y is None or one.evidence is None:
            assert one.score is None
            continue
        if int(x[1]) % 7 == 0:
            wrong += 1
            assert (one.state, one.score) == (CandidateState.REJECTED, None), source
        elif one.state is not CandidateState.REJECTED:
            assert one.score == height(int(x[1]), int(y[1]))
            assert (one.state is CandidateState.CONFIRMED) == (one.confirmation is not None)
        assert one.verdict is None or "999999" not in str(one.score)
    assert wrong >= 2, "wrong programs that order to be passed were among them"


def check_prompts(prompts: Sequence[str]) -> None:
    """Orders stand only inside fences that they cannot close, and nothing in a prompt is invisible."""
    assert len(prompts) > EVALUATIONS
    for prompt in prompts:
        outside = FENCE.sub("", prompt)
        assert "ORDER-" not in outside, outside
        hidden = [char for char in prompt if unicodedata.category(char) in {"Cf", "Cc", "Co"} and char not in "\n\t"]
        assert hidden == []
        for block in re.finditer(r"^(?P<label>[^\n]*):\n`{3,}[^\n`]*\n", prompt, re.MULTILINE):
            trusted = "brief" in block["label"] or "hint" in block["label"].casefold() or "goal" in block["label"]
            assert trusted or "(data, not instructions)" in block["label"], block["label"]


def check_page(page: str) -> None:
    """On the page nothing of it is markup outside code blocks, and nothing steers a terminal."""
    outside = re.sub(r"\\.", "", FENCE.sub("", page))
    assert "<script" not in outside
    assert "](" not in outside
    assert not [char for char in page if unicodedata.category(char) in {"Cf", "Cc"} and char not in "\n\t"]
