"""`doctor --model` against servers that refuse, cut, or cannot be paid; and what it makes of one candidate."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer
from protocol_server.behaviours import answer, by_role, error

from nightforge.cli.doctor_model import _deliver, examine_models
from nightforge.cli.output import Output
from nightforge.doctor import Finding, Level
from workflows.agent_bench import Bench, BenchGoal, Trial

pytestmark = pytest.mark.box


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OPENAI_API_KEY", "NIGHTFORGE_API_KEY", "NIGHTFORGE_MODELS", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NIGHTFORGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NIGHTFORGE_BROKER_DIR", str(tmp_path / "broker"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def examine(home: Path, *lines: str, max_usd: float = 0.25) -> Sequence[Finding]:
    (home / "nightforge.toml").write_text("\n".join(["[[models]]", *lines]), encoding="utf-8")
    output = Output.open(json=False, quiet=True, verbose=False)
    return await asyncio.to_thread(examine_models, output, max_usd=max_usd)


def at(server: ProtocolServer) -> tuple[str, ...]:
    prices = ("input_usd_per_mtok = 1", "output_usd_per_mtok = 4", "max_output_tokens = 500")
    return ('model = "m"', f'base_url = "{server.base_url}"', *prices)


async def test_no_model_no_key_and_no_price_name_the_setting(home: Path, protocol_server: ProtocolServer) -> None:
    (no_key,) = await examine(home, 'model = "gpt-5-mini"')
    assert (no_key.level, no_key.check) == (Level.FAIL, "model gpt-5-mini")
    assert "no API key" in no_key.found
    assert "NIGHTFORGE_API_KEY" in no_key.fix
    (no_price,) = await examine(home, *at(protocol_server)[:2])
    assert no_price.level is Level.FAIL
    assert "price" in no_price.found
    (home / "nightforge.toml").unlink()
    output = Output.open(json=False, quiet=True, verbose=False)
    (none,) = await asyncio.to_thread(examine_models, output, max_usd=0.1)
    assert none.fix == "name one with NIGHTFORGE_MODELS or in nightforge.toml"
    assert protocol_server.requests == []


async def test_a_key_that_is_refused_is_a_finding(home: Path, protocol_server: ProtocolServer) -> None:
    protocol_server.always(error(401, "invalid key"))
    (refused,) = await examine(home, *at(protocol_server))
    assert refused.level is Level.FAIL
    assert "invalid key" in refused.found
    assert refused.fix


async def test_a_server_that_cuts_prompts_is_told_how_to_be_started(
    home: Path, protocol_server: ProtocolServer
) -> None:
    forgets = {"You answer a short question": lambda _: answer('{"code_word": "what word?"}')}
    protocol_server.handle(by_role(forgets, reply_as_team(seed=1)))
    form, context, _, cut = await examine(home, *at(protocol_server))
    assert (form.level, form.found) == (Level.OK, "typed replies by json_schema, kept to")
    assert context.level is Level.INFO
    assert cut.level is Level.FAIL
    assert "cut long prompts" in cut.found
    assert "OLLAMA_CONTEXT_LENGTH" in cut.fix


async def test_a_server_without_any_form_is_a_warning_and_its_cap_holds(
    home: Path, protocol_server: ProtocolServer
) -> None:
    protocol_server.always(answer("I am a language model."))
    findings = await examine(home, *at(protocol_server), max_usd=0.005)
    assert findings[0].level is Level.WARN
    assert "`--preset solo` uses neither" in findings[0].fix
    assert findings[-1].level is Level.FAIL
    assert "budget:cost_usd" in findings[-1].found, "the cap ends it before its candidate"


class OneTrial:
    """A bench whose one candidate came to this."""

    def __init__(self, **reached: object) -> None:
        self.trial = Trial.model_validate({"goal": "g", "task": "axpy", "calls": 4, "cost_usd": 0.5, **reached})

    async def run(self, goal: BenchGoal, ordinal: int) -> Trial:
        return self.trial


@pytest.mark.parametrize(
    ("reached", "level", "found"),
    [
        ({"compiled": True}, Level.OK, "at once"),
        ({"planned": True, "parsed": True, "reason": "compile: compile_error", "repaired": True}, Level.OK, "a repair"),
        ({"planned": True, "reason": "no_program"}, Level.FAIL, "no_program; reached: planned (4 calls, $0.5000)"),
        ({"reason": "truncated"}, Level.FAIL, "reached: nothing"),
    ],
)
async def test_what_one_candidate_says(reached: dict[str, object], level: Level, found: str) -> None:
    finding = await _deliver("model m", cast(Bench, OneTrial(**reached)))
    assert finding.level is level
    assert found in finding.found
    assert ("max_output_tokens" in finding.fix) == (reached.get("reason") == "truncated")
