"""What a candidate's text must be before it runs: a courtesy that gives good messages; the box is the wall."""

from __future__ import annotations

import ast

from evaluators.python_candidates import check_imports, parse_functions
from evaluators.schedulers.player import RuleFailed
from evaluators.schedulers.problem import Problem
from evaluators.schedulers.spec import SchedulerSettings


def check_text(source: str, settings: SchedulerSettings, problem: Problem) -> ast.Module:
    """Raises RuleFailed: too_long, syntax_error, no_function, forbidden_import."""
    if len(source.encode()) > settings.most_bytes:
        raise RuleFailed("too_long", f"{len(source.encode())} bytes; a rule has at most {settings.most_bytes}")
    tree = parse_rule(source, problem)
    check_imports(tree, settings.imports, RuleFailed)
    return tree


def parse_rule(source: str, problem: Problem) -> ast.Module:
    """Raises RuleFailed: syntax_error, no_function."""
    return parse_functions(source, problem.functions, RuleFailed)
