"""docs/invariants.md names tests that exist; and the borders that only a look at the source can prove."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Event
from nightforge.domain.plan import Plan
from nightforge.domain.task import Task
from nightforge.domain.words import SCHEMA_VERSION

ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| (?P<number>\d+) \| (?P<words>[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(?P<file>[\w/]+\.py)::(?P<test>test_\w+)`")
DISPLAYS = ("nightforge/cli", "nightforge/report")
ALLOWED = {
    "workflows.contract",
    "workflows.night",
    "workflows.confirmation",
    "workflows.stopping",
    "workflows.watch",
    "workflows.agent_bench",
    "workflows.kernel_bench",
    "workflows.comparison",
    "workflows.answers",
    "workflows.drafting",
    "workflows.house",
    "workflows.plan_words",
    "workflows.parameters",
    "workflows.planning",
    "workflows.presets",
    "workflows.steering",
}
"""What plans and starts a night, what its words mean, how people reach it; nothing that runs inside a campaign.
`house` is what a process opens that plans: `prepare`."""


def rows() -> dict[int, list[tuple[str, str]]]:
    text = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
    return {int(row["number"]): NAMED.findall(row["tests"]) for row in ROW.finditer(text)}


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_invariant_stands_there_with_tests_that_exist() -> None:
    found = rows()
    assert sorted(found) == list(range(1, 15))
    missing = [
        f"{file}::{test}"
        for named in found.values()
        for file, test in named
        if not (ROOT / "tests" / file).is_file() or test not in functions_in(ROOT / "tests" / file)
    ]
    assert missing == []
    assert all(len(named) >= 2 for named in found.values())


def modules_of_workflows(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "workflows":
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.split(".")[0] == "workflows"}
    return found


def test_displays_know_the_campaign_by_the_store_only() -> None:
    used = {
        str(path.relative_to(ROOT)): modules
        for folder in DISPLAYS
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (modules := modules_of_workflows(path))
    }
    assert set().union(*used.values()) <= ALLOWED
    assert not any(name.startswith("nightforge/report/") for name in used)
    assert "nightforge/cli/live.py" not in used


@pytest.mark.parametrize("border", [Task, Plan, Event])
def test_each_border_carries_its_version(border: type[Frozen]) -> None:
    assert border.model_fields["schema_version"].default == SCHEMA_VERSION
