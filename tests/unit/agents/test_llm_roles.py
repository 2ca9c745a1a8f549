"""The roles with a model, over real HTTP, with a real database: what they ask, what they make of replies."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random

import pytest
from protocol_server import Behaviour, ProtocolServer, Received
from protocol_server.behaviours import answer, error
from protocol_server.workbench import Workbench, spec

from agents.coder import LlmCoder
from agents.judge import LlmJudge
from agents.llm_team import LlmTeam, disclose
from agents.planner import LlmPlanner
from nightforge.domain.evidence import Evidence, StageEvidence
from nightforge.domain.plan import ModelSpec
from nightforge.domain.team import Draft, NoDraft, Program, StepContext, StepPlan
from nightforge.domain.words import OperatorKind, Outcome, SandboxTier
from nightforge.errors import ModelAccessRefused

ContextMaker = Callable[..., StepContext]
EDIT = """NOTE: closed form, no loop
<<<<<<< SEARCH
    return sum;
=======
    return n * (n - 1) / 2;
>>>>>>> REPLACE
"""


def unknown(_: str) -> bool:
    return False


@pytest.fixture
def coder(bench: Workbench, protocol_server: ProtocolServer) -> LlmCoder:
    return LlmCoder(bench.client(spec(protocol_server.base_url)))


def step(operator: OperatorKind | None) -> StepPlan:
    return StepPlan(operator=operator)


async def write(coder: LlmCoder, context: StepContext) -> Draft | NoDraft:
    return await coder.write(context, random=Random(3), is_known=unknown)


async def test_an_edit_becomes_a_whole_program(
    coder: LlmCoder, bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker, seed_source: str
) -> None:
    protocol_server.script(answer(EDIT))
    draft = await write(coder, make_context(campaign_id=bench.campaign_id, step=step(OperatorKind.DIFF)))
    assert draft == Draft(
        source=seed_source.replace("return sum;", "return n * (n - 1) / 2;"),
        operator=OperatorKind.DIFF,
        operator_name="diff.edits",
        note="closed form, no loop",
        model="m",
    )
    (call,) = bench.calls()
    assert (call.key.step, call.key.role, call.key.ordinal) == ("code", "coder", 5)


@pytest.mark.parametrize("operator", [OperatorKind.FULL, OperatorKind.CROSSOVER])
async def test_a_whole_program_is_taken_from_its_fence(
    operator: OperatorKind,
    coder: LlmCoder,
    bench: Workbench,
    protocol_server: ProtocolServer,
    make_context: ContextMaker,
) -> None:
    other = Program(ordinal=4, source="int other_program;\n")
    protocol_server.script(answer("NOTE: rewritten\n```c\nint nf_kernel(int n) { return 0; }\n```"))
    context = make_context(campaign_id=bench.campaign_id, step=step(operator), inspirations=(other,), draft=1)
    draft = await write(coder, context)
    assert isinstance(draft, Draft)
    assert draft.source == "int nf_kernel(int n) { return 0; }\n"
    assert draft.operator is operator
    assert bench.calls()[0].key.step == "code.1"
    assert "int other_program;" in protocol_server.requests[0].prompt


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I would unroll the loop.", "no_program"),
        (EDIT.replace("return sum;", "return total;"), "edit_does_not_apply"),
        (EDIT.partition(">>>>>>>")[0], "truncated"),
        ("<<<<<<< SEARCH\n    return sum;\n=======\n    return sum;\n>>>>>>> REPLACE", "duplicate"),
    ],
)
async def test_an_unusable_reply_is_no_draft(
    reply: str,
    reason: str,
    coder: LlmCoder,
    bench: Workbench,
    protocol_server: ProtocolServer,
    make_context: ContextMaker,
) -> None:
    protocol_server.script(answer(reply))
    result = await write(coder, make_context(campaign_id=bench.campaign_id, step=step(OperatorKind.DIFF)))
    assert isinstance(result, NoDraft)
    assert result.reason == reason
    assert result.feedback


async def test_a_reply_cut_at_the_output_limit_is_no_draft(
    coder: LlmCoder, bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    protocol_server.script(answer(EDIT, finish_reason="length"))
    result = await write(coder, make_context(campaign_id=bench.campaign_id))
    assert isinstance(result, NoDraft)
    assert result.reason == "truncated"


async def test_a_known_program_is_no_draft(
    coder: LlmCoder, bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    protocol_server.script(answer(EDIT))
    context = make_context(campaign_id=bench.campaign_id, step=step(OperatorKind.DIFF))
    result = await coder.write(context, random=Random(3), is_known=lambda _: True)
    assert isinstance(result, NoDraft)
    assert result.reason == "duplicate"


async def test_a_wrong_key_is_not_swallowed(
    coder: LlmCoder, bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    protocol_server.always(error(401, "no such key", code="invalid_api_key"))
    with pytest.raises(ModelAccessRefused):
        await write(coder, make_context(campaign_id=bench.campaign_id))


async def test_the_repair_request_holds_the_failing_stage_and_the_broken_program(
    coder: LlmCoder,
    bench: Workbench,
    protocol_server: ProtocolServer,
    make_context: ContextMaker,
    failure: StageEvidence,
) -> None:
    broken = Program(ordinal=5, source="int nf_kernel(int n) {\n    return n;\n}\n", note="shortened")
    protocol_server.script(
        answer(
            "NOTE: right again\n<<<<<<< SEARCH\n    return n;\n=======\n    return n * (n - 1) / 2;\n>>>>>>> REPLACE"
        )
    )
    context = make_context(campaign_id=bench.campaign_id, failure=failure, broken=broken, attempt=2)
    draft = await coder.repair(context, random=Random(1), is_known=unknown)
    assert isinstance(draft, Draft)
    assert draft.operator is OperatorKind.REPAIR
    assert draft.source == broken.source.replace("return n;", "return n * (n - 1) / 2;")
    prompt = protocol_server.requests[0].prompt
    assert "Stage correctness: fail (reason: wrong_output)." in prompt
    assert "largest error 0.25 at element 17" in prompt
    assert "err_rel = 0.25" in prompt
    assert broken.source in prompt
    assert "This is repair 2." in prompt
    assert "````\nlargest error" in prompt, "the fence is longer than the candidate's own"
    assert bench.calls()[0].key.step == "repair.2"


async def test_a_reply_that_did_not_apply_is_repaired_on_the_parent(
    coder: LlmCoder, bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker, seed_source: str
) -> None:
    gate = StageEvidence(
        stage="gate", outcome=Outcome.FAIL, reason="edit_does_not_apply", feedback="Block 1 stands 2 times"
    )
    protocol_server.script(answer(EDIT))
    context = make_context(campaign_id=bench.campaign_id, failure=gate, attempt=1)
    context = context.model_copy(update={"broken": context.parent})
    draft = await coder.repair(context, random=Random(1), is_known=unknown)
    assert isinstance(draft, Draft)
    prompt = protocol_server.requests[0].prompt
    assert "Block 1 stands 2 times" in prompt
    assert prompt.count(seed_source) == 1, "the parent is shown once"


async def test_without_a_choice_operators_are_mixed_by_the_seed(
    coder: LlmCoder, bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    protocol_server.always(answer("prose"))
    context = make_context(campaign_id=bench.campaign_id, inspirations=(Program(ordinal=1, source="x"),))
    for seed in range(30):
        await coder.write(context.model_copy(update={"ordinal": seed}), random=Random(seed), is_known=unknown)
    prompts = [received.prompt for received in protocol_server.requests]
    shares = [
        sum(phrase in prompt for prompt in prompts) for phrase in ("focused change", "better program", "joins what")
    ]
    assert sum(shares) == 30
    assert shares[0] > shares[1] > shares[2] > 0


class Programs:
    """A coder that needs no model."""

    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        return Draft(source="tuned", operator=OperatorKind.TUNE, operator_name="tune.N")

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        return NoDraft(reason="nothing_to_try")


async def test_tuning_is_left_to_programs_and_costs_no_call(
    bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    team = LlmTeam(bench.client(spec(protocol_server.base_url)), planning_id=bench.campaign_id, programs=Programs())
    draft = await team.coder.write(make_context(step=step(OperatorKind.TUNE)), random=Random(1), is_known=unknown)
    assert isinstance(draft, Draft)
    assert draft.operator is OperatorKind.TUNE
    assert not protocol_server.requests


async def test_the_judge_gives_words_and_sees_all_evidence(
    bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker, failure: StageEvidence
) -> None:
    said = {
        "bottleneck": "numerics\u202e",
        "next_step": "keep the maximum",
        "suspicion": "",
        "summary": "It is wrong.\nVery.",
    }
    protocol_server.script(answer(json.dumps(said)))
    judge = LlmJudge(bench.client(spec(protocol_server.base_url)))
    passed = StageEvidence(stage="compile", outcome=Outcome.PASS)
    evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(passed, failure))
    verdict = await judge.judge(make_context(campaign_id=bench.campaign_id), "int candidate_source;", evidence)
    assert verdict.bottleneck == "numerics"
    assert verdict.summary == "It is wrong. Very."
    prompt = protocol_server.requests[0].prompt
    for text in ("Stage compile: pass.", "wrong_output", "element 17", "int candidate_source;"):
        assert text in prompt
    assert bench.calls()[0].key.step == "judge"


async def test_a_judge_without_a_usable_reply_says_so(
    bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker, failure: StageEvidence
) -> None:
    protocol_server.always(answer("It is good, I give it nine of ten."))
    judge = LlmJudge(bench.client(spec(protocol_server.base_url)))
    evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(failure,))
    verdict = await judge.judge(make_context(campaign_id=bench.campaign_id, attempt=1), "x", evidence)
    assert "no usable verdict" in verdict.summary
    assert verdict.bottleneck == ""
    assert [call.key.step for call in bench.calls()] == ["judge.1", "judge.1"], "asked, and repaired once"


async def test_a_step_is_planned_within_what_the_coder_can_do(
    bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    replies = [
        {"operator": "full", "hint": "No loop.", "reason": "A closed form exists."},
        {"operator": "tune", "hint": "", "reason": ""},
    ]
    protocol_server.script(*(answer(json.dumps(reply)) for reply in replies))
    planner = LlmPlanner(
        bench.client(spec(protocol_server.base_url)),
        planning_id=bench.campaign_id,
        clock=bench.clock,
        operators=(OperatorKind.DIFF, OperatorKind.FULL),
    )
    context = make_context(campaign_id=bench.campaign_id)
    assert await planner.plan_step(context) == StepPlan(
        operator=OperatorKind.FULL, hint="No loop.", reason="A closed form exists."
    )
    other = await planner.plan_step(context.model_copy(update={"ordinal": 6}))
    assert other.operator is None, "tuning is not among the coder's operators here"
    asked = protocol_server.requests[0].prompt
    assert "one of diff (a focused change of the parent), full (" in asked
    assert "crossover" not in asked, "neither what the coder cannot do, nor what needs another program"
    assert [call.key.step for call in bench.calls()] == ["plan_step", "plan_step"]


async def test_a_planner_is_told_what_is_settled_and_is_not_asked_where_a_program_does_the_work(
    bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    protocol_server.always(answer(json.dumps({"operator": None, "hint": "No loop.", "reason": ""})))
    planner = LlmPlanner(
        bench.client(spec(protocol_server.base_url)),
        planning_id=bench.campaign_id,
        clock=bench.clock,
        operators=(OperatorKind.DIFF, OperatorKind.TUNE),
    )
    context = make_context(campaign_id=bench.campaign_id, step=StepPlan(operator=OperatorKind.DIFF))
    await planner.plan_step(context)
    assert "it is settled: diff (a focused change of the parent)" in protocol_server.requests[0].prompt
    for step in (StepPlan(operator=OperatorKind.TUNE), StepPlan(operator_name="tune.grid")):
        assert await planner.plan_step(make_context(campaign_id=bench.campaign_id, step=step)) == step
    assert len(protocol_server.requests) == 1, "tuning reads no words: none are paid for"


async def test_edits_name_the_program_that_they_are_for(
    bench: Workbench,
    coder: LlmCoder,
    protocol_server: ProtocolServer,
    make_context: ContextMaker,
    failure: StageEvidence,
) -> None:
    """Two programs are shown to repair; edits apply to the failing one, and only its parent's code is of use."""
    protocol_server.always(answer("prose"))
    broken = Program(ordinal=5, source="int nf_kernel(int n) { return n; }\n", note="closed form")
    context = make_context(campaign_id=bench.campaign_id, failure=failure, broken=broken, attempt=1)
    await coder.repair(context, random=Random(1), is_known=unknown)
    asked = protocol_server.requests[-1].prompt
    assert "lines of the failing program, exactly" in asked
    assert "unrolled" not in asked
    assert "exactly once in the failing program" in asked


async def test_a_planner_without_a_usable_reply_leaves_the_step_to_the_coder(
    bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    protocol_server.always(answer("Let me think about it."))
    team = LlmTeam(bench.client(spec(protocol_server.base_url)), planning_id=bench.campaign_id)
    step_plan = await team.planner.plan_step(make_context(campaign_id=bench.campaign_id))
    assert step_plan.operator is None
    assert "no usable plan" in step_plan.reason


@pytest.mark.parametrize(
    ("urls", "names"),
    [
        (("",), ["m0 at api.openai.com is sent"]),
        (("http://127.0.0.1:8000/v1",), ["m0 at 127.0.0.1:8000 is sent"]),
        (("https://user:secret@llm.example.org/x", ""), ["m0 at llm.example.org, m1 at api.openai.com are sent"]),
    ],
)
def test_the_disclosure_names_models_and_hosts(urls: Sequence[str], names: Sequence[str]) -> None:
    sentence = disclose([ModelSpec(model=f"m{number}", base_url=url) for number, url in enumerate(urls)])
    assert all(name in sentence for name in names)
    assert "secret" not in sentence
    assert "candidate programs" in sentence


async def test_a_prompt_that_is_too_long_loses_the_others_first_and_never_the_parent(
    bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker, seed_source: str
) -> None:
    """The server's own 400 drives it; what goes in which order is the rule of docs/llm.md."""

    def handle(received: Received) -> Behaviour:
        too_long = "Another program" in received.prompt or "Closed forms win" in received.prompt
        return error(400, "maximum context length exceeded") if too_long else answer(EDIT)

    protocol_server.handle(handle)
    other = Program(ordinal=3, source="int other;\n")
    context = make_context(
        campaign_id=bench.campaign_id,
        step=step(OperatorKind.DIFF),
        inspirations=(other,),
        lessons=("Closed forms win.",),
        hints=("Mind the cache.",),
    )
    coder = LlmCoder(bench.client(spec(protocol_server.base_url)))
    draft = await write(coder, context)
    assert isinstance(draft, Draft)
    shown = [received.prompt for received in protocol_server.requests]
    assert len(shown) == 3
    assert ["Another program" in prompt for prompt in shown] == [True, False, False]
    assert ["Closed forms win" in prompt for prompt in shown] == [True, True, False]
    assert all(seed_source.strip() in prompt and "Mind the cache." in prompt for prompt in shown)
    protocol_server.always(error(400, "maximum context length exceeded"))
    refused = await write(coder, context.model_copy(update={"ordinal": 6}))
    assert isinstance(refused, NoDraft)
    assert refused.reason == "context_length"


async def test_a_program_too_long_to_be_shown_whole_is_not_shown(
    coder: LlmCoder, bench: Workbench, protocol_server: ProtocolServer, make_context: ContextMaker
) -> None:
    huge = Program(ordinal=1, source="int x;\n" * 20_000)
    refused = await write(coder, make_context(campaign_id=bench.campaign_id, parent=huge))
    assert isinstance(refused, NoDraft)
    assert refused.reason == "context_length"
    assert not protocol_server.requests
