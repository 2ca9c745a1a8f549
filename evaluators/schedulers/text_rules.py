"""What a candidate's text must be before it runs: a courtesy that gives good messages; the box is the wall."""

from __future__ import annotations

import ast

from evaluators.schedulers.player import RuleFailed
from evaluators.schedulers.problem import Problem
from evaluators.schedulers.spec import SchedulerSettings


def check_text(source: str, settings: SchedulerSettings, problem: Problem) -> ast.Module:
    """Raises RuleFailed: too_long, syntax_error, no_function, forbidden_import."""
    if len(source.encode()) > settings.most_bytes:
        raise RuleFailed("too_long", f"{len(source.encode())} bytes; a rule has at most {settings.most_bytes}")
    tree = parse_rule(source, problem)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
        for name in names:
            if name not in settings.imports:
                allowed = ", ".join(settings.imports) or "nothing"
                raise RuleFailed("forbidden_import", f"line {node.lineno}: import of {name}; allowed: {allowed}")
    return tree


def parse_rule(source: str, problem: Problem) -> ast.Module:
    """Raises RuleFailed: syntax_error, no_function."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RuleFailed("syntax_error", f"candidate.py: {error}") from error
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    lacking = [name for name in problem.functions if name not in defined]
    if lacking:
        raise RuleFailed("no_function", f"the program must define {', '.join(lacking)} at its top level")
    return tree
