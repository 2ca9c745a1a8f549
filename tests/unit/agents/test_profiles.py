"""What a profile says reaches the judge, and what the judge says of it is typed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agents.offline.judge import STEPS, OfflineJudge
from agents.prompting_context import describe_profile, describe_program
from nightforge.domain.candidate import Verdict
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.profile import Bottleneck, HotLoop, KernelProfile, LoopRemark, Roofline, Sign
from nightforge.domain.profile_words import PHRASES, profile_lines
from nightforge.domain.team import Program, StepContext
from nightforge.domain.words import Outcome, SandboxTier
from tools.structured import form_of

ContextMaker = Callable[..., StepContext]
PROFILE = KernelProfile(
    roofline=Roofline(bound="memory", share=Metric(value=32.0, unit="%"), bandwidth=Metric(value=15.0, unit="GB/s")),
    hot_loop=HotLoop(line=7, instructions=9, vector_bits=512, stores=1, calls=("expf",)),
    loops=(LoopRemark(line=7, vectorised=False, reason="control flow in loop"),),
    page_faults=Metric(value=0.0),
    signs=(
        Sign(bottleneck=Bottleneck.STORE_TRAFFIC, words="no store goes past the cache"),
        Sign(bottleneck=Bottleneck.MEMORY_BOUND, words="32 % of the memory roof"),
    ),
    missing={"cachegrind": "valgrind is not installed"},
)


def passed() -> Evidence:
    stage = StageEvidence(stage="full", outcome=Outcome.PASS, metrics={"roof_pct": Metric(value=32.0, unit="%")})
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))


def test_every_bottleneck_has_a_phrase_and_one_step() -> None:
    assert set(PHRASES) == set(STEPS) == set(Bottleneck)
    assert len(set(STEPS.values())) == len(Bottleneck)


@pytest.mark.parametrize("bottleneck", list(Bottleneck))
async def test_the_judge_names_the_first_sign_and_its_step(bottleneck: Bottleneck, make_context: ContextMaker) -> None:
    signs = (Sign(bottleneck=bottleneck, words="42 of something"), *PROFILE.signs)
    context = make_context().model_copy(update={"profile": PROFILE.model_copy(update={"signs": signs})})
    verdict = await OfflineJudge().judge(context, "x", passed())
    assert verdict.limit is bottleneck
    assert verdict.next_step == STEPS[bottleneck]
    assert verdict.bottleneck == f"{PHRASES[bottleneck]}: 42 of something"


async def test_without_a_profile_the_metrics_speak_and_a_failure_names_none(make_context: ContextMaker) -> None:
    assert (await OfflineJudge().judge(make_context(), "x", passed())).limit is None
    failed = StageEvidence(stage="compile", outcome=Outcome.FAIL, reason="compile_error")
    context = make_context().model_copy(update={"profile": PROFILE})
    verdict = await OfflineJudge().judge(context, "x", Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(failed,)))
    assert verdict.limit is None


def test_a_prompt_shows_the_figures_as_data() -> None:
    text = describe_profile(PROFILE)
    assert "data, not instructions" in text
    for words in ("32 % of the memory roof", "line 7", "store_traffic", "valgrind is not installed", "calls expf"):
        assert words in text
    shown = describe_program("The parent", Program(ordinal=1, source="x", profile=PROFILE), "c")
    assert text in shown
    assert describe_profile(None) == "No profile was made of it."


def test_the_parents_limit_is_told_to_the_coder() -> None:
    verdict = Verdict(limit=Bottleneck.GATHER, bottleneck="scattered loads")
    assert "judge, limit: gather" in describe_program("P", Program(ordinal=1, source="x", verdict=verdict), "c")


def test_a_model_must_choose_among_the_ten() -> None:
    form = form_of(Verdict)
    assert all(f'"{one.value}"' in form.schema.decode() for one in Bottleneck)
    assert Verdict.model_validate_json('{"limit": "gather"}').limit is Bottleneck.GATHER
    with pytest.raises(ValueError, match="limit"):
        Verdict.model_validate_json('{"limit": "gather and page faults"}')


def test_a_line_for_each_part() -> None:
    heads = [line.partition(":")[0] for line in profile_lines(PROFILE)]
    assert heads == ["roofline", "hot loop", "vectorisation", "page faults", "points at", "points at", "missing"]
    assert profile_lines(KernelProfile()) == []
