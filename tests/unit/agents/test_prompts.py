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
from agents.prompting import PromptError, load_prompt, parse_prompt
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.team import Program, StepContext
from nightforge.domain.words import OperatorKind, Role

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
    assert wanted == {"candidate", "evidence", "parent"}
    values = dict.fromkeys(wanted, "x")
    prompt.fill("user", **values)
    with pytest.raises(PromptError, match=r"missing \['parent'\]"):
        prompt.fill("user", candidate="x", evidence="x")
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
    (received,) = protocol_server.requests
    text = "\n\n".join(f"## {message['role']}\n\n{message['content']}" for message in received.messages) + "\n"
    recording = RECORDINGS / f"coder.{operator}.v{load_prompt('coder').version}.md"
    assert recording.is_file(), f"record it as {recording.name}:\n{text}"
    assert text == recording.read_text(encoding="utf-8")
