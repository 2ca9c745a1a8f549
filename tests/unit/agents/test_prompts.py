"""The shipped templates: complete, strict, and as recorded."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from random import Random

import pytest
from protocol_server import ProtocolServer
from protocol_server.behaviours import answer
from protocol_server.workbench import Workbench, spec

from agents.coder import LlmCoder
from agents.llm_team import LlmTeam
from agents.prompting import PromptError, load_prompt, parse_prompt
from nightforge.domain.candidate import Tally
from nightforge.domain.evidence import Evidence, StageEvidence
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective, Parameter, StageSpec, Task
from nightforge.domain.team import Finalist, Program, ReportContext, StepContext
from nightforge.domain.words import Direction, OperatorKind, Outcome, Role, SandboxTier

RECORDINGS = Path(__file__).parents[2] / "recordings" / "prompts"
NAMES = sorted(
    path.name.removesuffix(".md") for path in (files("agents") / "prompts").iterdir() if path.name.endswith(".md")
)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_has_a_role_and_a_version(name: str) -> None:
    prompt = load_prompt(name)
    assert prompt.version >= 1
    assert prompt.role in set(Role)
    assert "system" in prompt.sections


def test_every_role_has_a_template() -> None:
    assert {load_prompt(name).role for name in NAMES} == set(Role)


def test_missing_and_unknown_values_are_errors() -> None:
    prompt = load_prompt("judge")
    wanted = prompt.names("user")
    assert wanted == {"candidate", "evidence", "parent", "profile"}
    values = dict.fromkeys(wanted, "x")
    prompt.fill("user", **values)
    with pytest.raises(PromptError, match=r"missing \['parent'\]"):
        prompt.fill("user", candidate="x", evidence="x", profile="x")
    with pytest.raises(PromptError, match=r"unknown \['goal'\]"):
        prompt.fill("user", **values, goal="x")
    with pytest.raises(PromptError, match="no section"):
        prompt.fill("coda")


def test_values_are_not_read_as_templates() -> None:
    prompt = parse_prompt("p", "---\nrole: coder\nversion: 1\n---\n%% user\n$source for $$1\n")
    assert prompt.fill("user", source="$source $missing ${x}") == "$source $missing ${x} for $1"


@pytest.mark.parametrize(
    "text",
    [
        "no front matter",
        "---\nrole: coder\nversion: x\n---\n%% user\nhello\n",
        "---\nrole: coder\nversion: 1\n---\nhello\n",
        "---\nrole: coder\nversion: 1\n---\nhello\n%% user\nhello\n",
        "---\nrole: coder\nversion: 1\n---\n%% user\na\n%% user\nb\n",
        "---\nrole: coder\nversion: 1\n---\n%% user\ncosts $ 3\n",
    ],
)
def test_a_malformed_template_is_an_error(text: str) -> None:
    with pytest.raises(PromptError):
        parse_prompt("p", text)


@pytest.mark.parametrize(
    "operator", [OperatorKind.DIFF, OperatorKind.FULL, OperatorKind.CROSSOVER, OperatorKind.REPAIR]
)
async def test_the_coders_prompts_are_as_recorded(
    operator: OperatorKind,
    make_context: Callable[..., StepContext],
    failure: StageEvidence,
    bench: Workbench,
    protocol_server: ProtocolServer,
) -> None:
    """A change of a prompt shows in the recording, and raises the template's version."""
    protocol_server.always(answer("prose"))
    other = Program(ordinal=3, source="int nf_kernel(int n) { return n * (n - 1) / 2; }\n", feedback="[full] 1.4 x")
    context = make_context(campaign_id=bench.campaign_id, inspirations=(other,), lessons=("Closed forms win.",))
    context = context.model_copy(
        update={"step": context.step.model_copy(update={"operator": operator, "hint": "No loop."})}
    )
    coder = LlmCoder(bench.client(spec(protocol_server.base_url)))
    if operator is OperatorKind.REPAIR:
        broken = Program(ordinal=5, source="int nf_kernel(int n) { return n; }\n", note="closed form")
        context = context.model_copy(update={"failure": failure, "broken": broken, "attempt": 1})
        await coder.repair(context, random=Random(1), is_known=lambda _: False)
    else:
        await coder.write(context, random=Random(1), is_known=lambda _: False)
    assert_recorded(protocol_server, f"coder.{operator}.v{load_prompt('coder').version}.md")


def assert_recorded(server: ProtocolServer, name: str) -> None:
    """What the last request said is what is recorded under `name`."""
    messages = server.requests[-1].messages
    text = "\n\n".join(f"## {message['role']}\n\n{message['content']}" for message in messages) + "\n"
    recording = RECORDINGS / name
    assert recording.is_file(), f"record it as {name}:\n{text}"
    assert text == recording.read_text(encoding="utf-8")


@pytest.fixture
def row_task(tmp_path: Path) -> Task:
    """A small task of the test's own, so that the shipped ones may change their texts."""
    (tmp_path / "brief.md").write_text("Sum a row.\n")
    return Task(
        name="row-sum",
        title="Sum of a row",
        goal="add up a long row of floats",
        keywords=("sum",),
        domain="kernels",
        language="c",
        seed="seed.c",
        objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
        stages=(StageSpec(name="compile", title="compile"),),
        parameters=(
            Parameter(name="n", title="elements", unit="elements", default=1000, minimum=1, maximum=10**6),
            Parameter(name="dtype", title="number type", default="float32", choices=("float32", "float64")),
            Parameter(name="layout", title="layout", default="dense"),
        ),
        root=tmp_path,
    )


async def test_the_other_roles_prompts_are_as_recorded(
    row_task: Task,
    make_context: Callable[..., StepContext],
    failure: StageEvidence,
    bench: Workbench,
    protocol_server: ProtocolServer,
) -> None:
    protocol_server.always(answer("{}"))
    team = LlmTeam(bench.client(spec(protocol_server.base_url)), planning_id=bench.campaign_id)
    context = make_context(campaign_id=bench.campaign_id, hints=("Mind the cache.",))

    await team.planner.read_goal("sum a row of 2,000 doubles, twice as fast", [row_task])
    assert_recorded(protocol_server, f"planner_goal.v{load_prompt('planner_goal').version}.md")
    await team.planner.plan_step(context)
    assert_recorded(protocol_server, f"planner_step.v{load_prompt('planner_step').version}.md")
    await team.planner.plan_step(context.model_copy(update={"shift": True, "ordinal": 6}))
    assert_recorded(protocol_server, f"planner_shift.v{load_prompt('planner_shift').version}.md")
    evidence = Evidence(
        tier=SandboxTier.BUBBLEWRAP, stages=(StageEvidence(stage="compile", outcome=Outcome.PASS), failure)
    )
    await team.judge.judge(context, "int nf_kernel(int n) { return n; }\n", evidence)
    assert_recorded(protocol_server, f"judge.v{load_prompt('judge').version}.md")
    report = ReportContext(
        plan=Plan(goal="sum faster", task="row-sum", objectives=(context.objective,), budget=Budget(evaluations=9)),
        calibration=None,
        tally=Tally(candidates=9, evaluations=8, last_improvement_evaluation=3, active_s=90.0),
        finalists=(
            Finalist(ordinal=4, confirmed=True, metrics=context.parent.metrics, note="unrolled", diff="-a\n+b"),
        ),
        operators={"diff.edits": (6, 4)},
        failures={"wrong_output": 2},
    )
    await team.analyst.analyse(report)
    assert_recorded(protocol_server, f"analyst.v{load_prompt('analyst').version}.md")
