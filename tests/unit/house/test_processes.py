"""Only sandbox/ starts processes (tests and benchmarks apart); stand-alone runners import the standard library only."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping

import pytest

MODULES = {"subprocess", "multiprocessing", "pty", "_posixsubprocess"}
OS_CALLS = ("fork", "forkpty", "system", "popen", "posix_spawn", "posix_spawnp", "startfile")
OS_FAMILIES = ("exec", "spawn")
ELSEWHERE = {"create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "ProcessPoolExecutor"}
MAY = ("sandbox/", "tests/", "benchmarks/", "scripts/")
"""Nothing of the last three is installed."""


def starts(tree: ast.Module) -> Iterator[str]:
    """Each way to start a process that the module imports or names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in MODULES:
                yield node.module or ""
            yield from (alias.name for alias in node.names if node.module == "os" and is_os_start(alias.name))
            yield from (alias.name for alias in node.names if alias.name in ELSEWHERE)
        elif isinstance(node, ast.Attribute):
            if node.attr in ELSEWHERE:
                yield node.attr
            elif isinstance(node.value, ast.Name) and node.value.id == "os" and is_os_start(node.attr):
                yield f"os.{node.attr}"
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in {
            "import_module",
            "__import__",
        }:
            yield from (
                str(leaf.value) for leaf in node.args if isinstance(leaf, ast.Constant) and leaf.value in MODULES
            )


def is_os_start(name: str) -> bool:
    return name in OS_CALLS or name.startswith(OS_FAMILIES)


def test_only_the_sandbox_starts_processes(trees: Mapping[str, ast.Module]) -> None:
    found = {name: ways for name, tree in trees.items() if not name.startswith(MAY) and (ways := sorted(starts(tree)))}
    assert found == {}


def test_the_sandbox_is_seen_to_start_them(trees: Mapping[str, ast.Module]) -> None:
    assert any(list(starts(tree)) for name, tree in trees.items() if name.startswith("sandbox/"))


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "import multiprocessing.pool as pool",
        "from subprocess import run",
        "from os import fork",
        "import os\nos.execvp('a', ['a'])",
        "import os\nos.posix_spawn('a', ['a'], {})",
        "import asyncio\nasyncio.create_subprocess_exec('a')",
        "from concurrent.futures import ProcessPoolExecutor",
        "import importlib\nimportlib.import_module('subprocess')",
        "__import__('pty')",
    ],
)
def test_each_way_is_recognised(source: str) -> None:
    assert list(starts(ast.parse(source)))


def test_runners_import_the_standard_library_only(trees: Mapping[str, ast.Module]) -> None:
    runners = {name: tree for name, tree in trees.items() if name.startswith("sandbox/runners/")}
    assert runners
    allowed = sys.stdlib_module_names | {"numpy", "torch"}
    """numpy and torch are what a Python baseline is: the runner loads them when a task asks for them."""
    foreign = {
        name: sorted(modules - allowed) for name, tree in runners.items() if (modules := imported(tree)) - allowed
    }
    assert foreign == {}


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add("(relative)" if node.level else (node.module or "").split(".")[0])
    return names
