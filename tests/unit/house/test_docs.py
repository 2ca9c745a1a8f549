"""What README and docs say exists: commands, flags, targets, files, links, variables, exit codes, formats."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

import pytest
from typer.main import get_command

from nightforge import errors, registry
from nightforge.cli.main import app
from nightforge.cli.reference import EXIT_CODES
from nightforge.errors import NightforgeError

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\((?P<target>[^)\s]+)\)")
VARIABLE = re.compile(r"\b(?:NIGHTFORGE|SETUP|OPENAI)_[A-Z][A-Z_]*\b")
TARGET = re.compile(r"(?m)^([a-z-]+):")


class Command(Protocol):
    params: Sequence[Parameter]
    commands: Mapping[str, Command]


class Parameter(Protocol):
    opts: Sequence[str]
    secondary_opts: Sequence[str]


@pytest.fixture(scope="module")
def pages(texts: Mapping[str, str]) -> Mapping[str, str]:
    found = {name: text for name, text in texts.items() if name.endswith(".md") and is_page(name)}
    assert {"README.md", "CONTRIBUTING.md", "docs/cli.md", "docs/index.md"} <= set(found)
    return found


def is_page(name: str) -> bool:
    return "/" not in name or name.startswith("docs/") or re.fullmatch(r"examples/[^/]+/README\.md", name) is not None


def blocks(pages: Mapping[str, str], language: str) -> Iterator[tuple[str, str]]:
    for name, text in pages.items():
        yield from ((name, match["body"]) for match in FENCE.finditer(text) if match["language"] == language)


def shell_lines(pages: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for name, body in blocks(pages, "sh"):
        if name != "docs/cli.md":
            lines = body.replace("\\\n", " ").splitlines()
            yield from ((name, shlex.split(line, comments=True)) for line in lines if line.strip())


def complaints(words: Sequence[str]) -> list[str]:
    """What is wrong with a `nightforge …` line: an unknown command or flag."""
    command = cast(Command, get_command(app))
    rest = list(words[1:])
    while getattr(command, "commands", None) and rest:
        if rest[0] not in command.commands:
            return [f"no command {rest[0]!r}"]
        command = command.commands[rest.pop(0)]
    known = {flag for one in command.params for flag in (*one.opts, *one.secondary_opts)} | {"--help", "-h"}
    return [f"no flag {word}" for word in rest if word.startswith("-") and word != "-" and word not in known]


def test_generated_parts_are_current(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "scripts/docs.py", "--check"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"run make docs: {done.stdout}{done.stderr}"


def test_commands_and_flags_exist(pages: Mapping[str, str]) -> None:
    lines = [(name, words) for name, words in shell_lines(pages) if words[0] in {"nightforge", ".venv/bin/nightforge"}]
    assert len(lines) >= 10
    assert {f"{name}: {' '.join(words)}": wrong for name, words in lines if (wrong := complaints(words))} == {}


@pytest.mark.parametrize("line", ["nightforge fly", "nightforge run goal --faster", "nightforge config hide"])
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    assert complaints(line.split())


def test_make_targets_exist(root: Path, pages: Mapping[str, str]) -> None:
    targets = set(TARGET.findall((root / "Makefile").read_text(encoding="utf-8")))
    named = {word for _, words in shell_lines(pages) if words[0] == "make" for word in words[1:] if "=" not in word} | {
        word for text in pages.values() for word in re.findall(r"`make ([a-z-]+)", text)
    }
    assert {"setup", "demo", "test"} <= named
    assert named - targets == set()


def test_shell_blocks_use_known_programs(pages: Mapping[str, str]) -> None:
    known = {"nightforge", ".venv/bin/nightforge", ".venv/bin/python", "make", "export", "sqlite3", "cd", "."}
    assert {(name, words[0]) for name, words in shell_lines(pages) if words[0] not in known} == set()


def test_links_lead_to_files(root: Path, pages: Mapping[str, str]) -> None:
    dead = []
    for name, text in pages.items():
        for match in LINK.finditer(text):
            target = match["target"].split("#")[0]
            if target and "://" not in target and not (root / name).parent.joinpath(target).resolve().is_file():
                dead.append(f"{name}: {target}")
    assert dead == []


def test_every_page_is_in_the_index(pages: Mapping[str, str]) -> None:
    named = {match["target"] for match in LINK.finditer(pages["docs/index.md"])}
    assert {name.removeprefix("docs/") for name in pages if name.startswith("docs/")} - named == {"index.md"}


def test_toml_blocks_parse(pages: Mapping[str, str]) -> None:
    found = list(blocks(pages, "toml"))
    assert found
    for _, body in found:
        tomllib.loads(body)


def test_every_variable_is_documented(texts: Mapping[str, str], trees: Mapping[str, ast.Module]) -> None:
    strings = [text for name, text in texts.items() if name.startswith("scripts/") and name.endswith(".sh")]
    for name, tree in trees.items():
        if not name.startswith(("tests/", "benchmarks/", "examples/")):
            strings += [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    used = {word for text in strings for word in VARIABLE.findall(text)}
    assert {"NIGHTFORGE_HOME", "OPENAI_API_KEY", "SETUP_PYTHON"} <= used
    assert used - set(VARIABLE.findall(texts["docs/settings.md"])) == set()


def test_every_exit_code_is_documented(texts: Mapping[str, str]) -> None:
    raised = {
        one.exit_code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, NightforgeError)
    }
    documented = {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", texts["docs/exit-codes.md"])}
    assert raised | {0, 130} == {code for code, _ in EXIT_CODES} == documented


def test_every_error_is_in_the_drawn_tree() -> None:
    drawn = set(re.findall(r"\b[A-Z][A-Za-z]+\b", errors.__doc__ or ""))
    classes = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, NightforgeError)}
    assert classes - drawn == set()


def test_every_entry_point_group_is_documented(root: Path, texts: Mapping[str, str]) -> None:
    groups = {value for value in vars(registry).values() if isinstance(value, str) and value.startswith("nightforge.")}
    groups.discard(registry.__name__)
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    assert set(declared) <= groups
    assert {group for group in groups if f"`{group}`" not in texts["docs/extending.md"]} == set()
