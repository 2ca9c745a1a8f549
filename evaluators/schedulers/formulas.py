"""A candidate that is nothing but formulas, as data: what the compiled drivers play instead of the program.

Read strictly: whatever is more than the problem's functions, each one formula over the problem's features, is no
formula here, and the program itself runs. Reading never executes anything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from evaluators.schedulers.problem import OnlineProblem, Problem
from tools.rules.formula import NUMBER, TERMINAL, Formula
from tools.rules.program import rules_of

MOST_STEPS = 512
"""As engine/main.c has it."""
_OPS: Mapping[str, int] = {
    NUMBER: 0,
    TERMINAL: 1,
    "+": 2,
    "-": 3,
    "*": 4,
    "/": 5,
    "min": 6,
    "max": 7,
    "neg": 8,
    "abs": 9,
    "if": 10,
    "if=": 11,
}
"""As engine/engine.h has them."""
_BUILTINS = frozenset({"min", "max", "abs"})
Postfix = tuple[float, ...]
"""Operator and value of each step, one after the other."""


def postfix_of(source: str, problem: Problem) -> tuple[Postfix, ...] | None:
    """One per function of the problem; None for any other program."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    body = [node for node in tree.body if not _is_text(node)]
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and _is_plain(node)]
    if len(body) != len(functions) or [node.name for node in functions] != list(problem.functions):
        return None
    rules = {rule.function: rule for rule in rules_of(source)}
    found = []
    for node in functions:
        places = _places(problem, node)
        if node.name not in rules or places is None:
            return None
        steps = _steps(rules[node.name].formula, places)
        if steps is None:
            return None
        found.append(steps)
    return tuple(found)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_plain(node: ast.FunctionDef) -> bool:
    """Called as it is written, and no name in it means something else than it seems."""
    arguments = node.args
    if (
        node.decorator_list
        or arguments.defaults
        or arguments.kw_defaults
        or arguments.vararg
        or arguments.kwarg
        or arguments.kwonlyargs
        or arguments.posonlyargs
    ):
        return False
    given = {argument.arg for argument in arguments.args}
    if any(argument.annotation for argument in arguments.args) or node.returns:
        return False
    stored = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return not (given | stored) & _BUILTINS and not given & stored


def _places(problem: Problem, node: ast.FunctionDef) -> Mapping[str, int] | None:
    """Terminal → place of its feature in what the driver hands over."""
    first = problem.functions[0]
    names = [feature.name for feature in problem.features if (feature.function or first) == node.name]
    parameters = [argument.arg for argument in node.args.args]
    if isinstance(problem, OnlineProblem):
        return dict(zip(parameters, range(len(names)), strict=True)) if len(parameters) == len(names) else None
    if len(parameters) != 1:
        return None
    return {f'{parameters[0]}["{name}"]': place for place, name in enumerate(names)}


def _steps(formula: Formula, places: Mapping[str, int]) -> Postfix | None:
    numbers: list[float] = []
    for node in _last_first(formula):
        if node.op not in _OPS or (node.op == TERMINAL and node.name not in places):
            return None
        numbers += [_OPS[node.op], places[node.name] if node.op == TERMINAL else node.value]
    return tuple(numbers) if len(numbers) <= 2 * MOST_STEPS else None


def _last_first(formula: Formula) -> Iterator[Formula]:
    """Operands before their operator."""
    for arg in formula.args:
        yield from _last_first(arg)
    yield formula


def flattened(formulas: Sequence[Postfix]) -> list[float]:
    """How many, then each with its number of steps."""
    numbers: list[float] = [len(formulas)]
    for postfix in formulas:
        numbers += [len(postfix) // 2, *postfix]
    return numbers
