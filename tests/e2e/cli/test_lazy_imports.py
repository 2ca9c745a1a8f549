"""`--help` loads typer and nothing heavy; commands load what they need."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "langgraph",
    "openai",
    "optuna",
    "sqlalchemy",
    "pydantic",
    "pydantic_settings",
    "rich",
    "numpy",
    "alembic",
    "tree_sitter",
    "docker",
    "httpx",
    "asyncio",
)
PROBE = """
import sys
from nightforge.cli.main import app
app({arguments!r}, standalone_mode=False)
print("LOADED", sorted({{name.partition(".")[0] for name in sys.modules}}))
"""


def loaded_by(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=list(arguments))],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.rpartition("LOADED ")[2]


def test_help_loads_nothing_heavy() -> None:
    loaded = loaded_by("--help")
    assert "'typer'" in loaded
    assert [name for name in HEAVY if f"'{name}'" in loaded] == []


def test_help_of_a_command_loads_nothing_of_ours_either() -> None:
    """typer itself takes pydantic to describe the types of options."""
    loaded = loaded_by("run", "--help")
    assert [name for name in HEAVY if f"'{name}'" in loaded and name != "pydantic"] == []


def test_the_probe_sees_what_is_loaded() -> None:
    assert "'pydantic'" in loaded_by("config", "path")
