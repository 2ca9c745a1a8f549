"""An exported rule is a module: it imports, says what its features mean, and decides as the program does."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType

import pytest

from evaluators.schedulers.export import rule_files, rule_module
from nightforge.catalogue import find_task, shipped_tasks

RULES = [task.name for task in shipped_tasks() if task.domain == "schedulers"]


def loaded(text: str, folder: Path) -> ModuleType:
    (folder / "rule.py").write_text(text)
    module = ModuleType("rule")
    exec(compile(text, str(folder / "rule.py"), "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("name", RULES)
def test_every_seed_makes_a_module_with_its_functions(name: str, tmp_path: Path) -> None:
    task = find_task(name)
    source = task.read(task.seed)
    module = loaded(rule_files(source, task)["rule.py"].content, tmp_path)
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert functions
    assert all(callable(getattr(module, function)) for function in functions)
    assert module.__doc__ is not None
    assert all(function in module.__doc__ for function in functions)


def test_only_features_that_are_read_are_told(tmp_path: Path) -> None:
    task = find_task("job-shop")
    source = 'def priority(f):\n    """Not f["queue"]."""\n    return -f["duration"] * 2  # nor f["waited"]\n'
    module = loaded(rule_module(source, task), tmp_path)
    assert list(module.FEATURES) == ["duration"]
    assert module.priority({"duration": 4}) == -8


def test_a_title_cannot_break_out_of_the_docstring(tmp_path: Path) -> None:
    task = find_task("job-shop").model_copy(update={"title": 'x"""\nimport sys; sys.broken = True\n"""\\'})
    loaded(rule_module("def priority(f):\n    return 0\n", task), tmp_path)
    assert not hasattr(sys, "broken")
