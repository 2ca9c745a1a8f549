"""Mutation test of the verifiers themselves: a verifier with one thing wrong must be told from the right one.

Every comparison, operator, whole number and `raise` of a verifier is changed, one at a time (the fixed list of the
integrity layer); a battery of answers, right ones and ones that are wrong by one unit, has to notice. What it does not
notice stands below with the reason, and nothing else may.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cache
from itertools import islice
from math import nextafter
from pathlib import Path
from types import ModuleType

import pytest
from program_play import rows_of

import evaluators.program as package
from evaluators.program.contract import Refused
from nightforge.domain.base import Json, Scalar

FOLDER = Path(next(iter(package.__path__)))
JUDGING = {
    "packing": ("verify", "read_circles", "_check_inside", "_check_apart"),
    "schemes": ("verify", "read_terms", "_vector", "_check_brent", "_additions"),
    "capset": ("verify", "_vector", "_check_lines"),
}
"""Verifier → functions that decide or count; what only words a refusal is left out."""
SURVIVORS: Mapping[str, str] = {}
"""`verifier:line:change` of a mutant that no answer can tell → why."""
_COMPARED: Mapping[type[ast.cmpop], Sequence[type[ast.cmpop]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_SIGNS: Mapping[type[ast.operator], Sequence[type[ast.operator]]] = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.FloorDiv: (ast.Mod, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
}
_CHANGED = (ast.Compare, ast.BinOp, ast.BoolOp, ast.Constant, ast.If, ast.UnaryOp)
Case = tuple[Json, Mapping[str, Scalar]]


def mutants(name: str) -> Iterator[tuple[str, ast.Module]]:
    """What was changed where, and the verifier after it."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    judging = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in JUDGING[name]]
    wanted = {id(node) for function in judging for node in _deciding(function) if isinstance(node, _CHANGED)}
    places = [place for place, node in enumerate(ast.walk(tree)) if id(node) in wanted]
    for place in places:
        for version in range(4):
            changed = deepcopy(tree)
            node = next(islice(ast.walk(changed), place, None))
            before = ast.unparse(node)
            operator = _change(node, version)
            if operator:
                yield f"{name}:{getattr(node, 'lineno', 0)}: {operator}: {before} -> {ast.unparse(node)}", changed


def _deciding(node: ast.AST) -> Iterator[ast.AST]:
    """Without what only words a refusal: the branch that raises, texts, and notes."""
    yield node
    for field, value in ast.iter_fields(node):
        if field in {"keywords", "returns"} or (field == "body" and isinstance(value, list) and _raises(value)):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):
                yield from _deciding(child)


def _raises(body: Sequence[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Raise)


def _change(node: ast.AST, version: int) -> str:
    """The operator of the fixed list that was put in; empty where there is no such version."""
    if isinstance(node, ast.Compare) and len(node.ops) > version // 2:
        others = _COMPARED.get(type(node.ops[version // 2]), ())
        if version % 2 < len(others):
            node.ops[version // 2] = others[version % 2]()
            return "bound" if version % 2 == 0 else "operator"
    elif isinstance(node, ast.BinOp) and version < len(_SIGNS.get(type(node.op), ())):
        node.op = _SIGNS[type(node.op)][version]()
        return "operator"
    elif isinstance(node, ast.BoolOp) and version == 0:
        node.op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        return "operator"
    elif isinstance(node, ast.Constant) and type(node.value) is int and version < 2:
        node.value += (1, -1)[version]
        return "constant"
    elif isinstance(node, ast.If) and version == 0:
        node.test = ast.Constant(False)
        return "dropped statement"
    elif isinstance(node, ast.UnaryOp) and version == 0:
        node.op = ast.UAdd()
        return "operator"
    return ""


@cache
def battery(name: str) -> Sequence[Case]:
    return tuple({"packing": _packings, "schemes": _schemes, "capset": _capsets}[name]())


def _packings() -> Iterator[Case]:
    tight = rows_of("circle-packing", "witness/tight.py", {"circles": 26, "seconds": 1})
    yield tight, {"circles": 26}
    for place in (0, 5, 15, 16, 17, 18, 19):
        for at in range(3):
            for to in (-9.0, 9.0):
                rows = deepcopy(tight)
                rows[place][at] = nextafter(rows[place][at], to)
                yield rows, {"circles": 26}
    yield tight[:25], {"circles": 26}
    yield [*tight, [0.5, 0.5, 0.01]], {"circles": 26}
    for row in (
        [0.5, 0.5],
        [0.5, 0.5, 0.1, 0.1],
        [0.5, 0.5, 0.0],
        [0.5, 0.5, -0.1],
        [0.5, 0.5, 5e-324],
        [0.1, 0.5, 0.1],
    ):
        yield [[*row]], {"circles": 1}
    yield [[0.25, 0.5, 0.25], [0.75, 0.5, 0.25]], {"circles": 2}
    yield [[0.5, 0.25, 0.25], [0.5, 0.75, 0.25]], {"circles": 2}
    yield [[0.2, 0.2, 0.1], [0.5, 0.6, 0.1]], {"circles": 2}
    yield [[0.3, 0.3, 0.2], [0.7, 0.6, 0.3]], {"circles": 2}
    yield [[0.3, 0.3, 0.2], [0.6, 0.7, 0.3]], {"circles": 2}


def _schemes() -> Iterator[Case]:
    for size, program in ((2, "baselines/strassen.py"), (2, "seed.py"), (3, "baselines/laderman.py"), (3, "seed.py")):
        terms = rows_of("matmul-scheme", program, {"size": size, "seconds": 1})
        yield terms, {"size": size}
        yield terms[:-1], {"size": size}
        yield [*terms, terms[0]], {"size": size}
        for term in (0, len(terms) - 1):
            for part in range(3):
                for entry in (0, 1, size * size - 1):
                    rows = deepcopy(terms)
                    rows[term][part][entry] += 1
                    yield rows, {"size": size}
        yield [[*terms[0], terms[0][0]]], {"size": size}
        yield [terms[0][:2]], {"size": size}
    zeros: Json = [[0] * 4, [1, 0, 0, 0], [1, 0, 0, 0]]
    yield [zeros], {"size": 2}
    yield [], {"size": 2}
    yield [[[1], [1], [1]]], {"size": 1}
    yield [[[-1], [2], [1]], [[3], [1], [1]]], {"size": 1}
    yield [[[-1], [-1], [1]]], {"size": 1}
    other = rows_of("matmul-scheme", "baselines/strassen.py", {"size": 2, "seconds": 1})
    for u, v, w in other:  # in another basis, so that entries are more than signs
        for place in range(2):
            u[2 * place] += 3 * u[2 * place + 1]
            v[2 + place] -= 3 * v[place]
            u[2 + place] += 2 * u[place]
            w[place] -= 2 * w[2 + place]
    yield other, {"size": 2}
    for length in (3, 5):
        yield [[[1] * length, [1] * 4, [1] * 4]], {"size": 2}


def _capsets() -> Iterator[Case]:
    cap = rows_of("cap-set", "witness/written_out.py", {"dimension": 6, "seconds": 1})
    yield cap, {"dimension": 6}
    yield [*cap, [0] * 6], {"dimension": 6}
    yield [*cap, cap[7]], {"dimension": 6}
    for row in ([3, 0], [-1, 0], [2, 0], [0, 2], [0], [0, 0, 0]):
        yield [[*row]], {"dimension": 2}
    yield [], {"dimension": 1}
    for rows in ([[0], [1]], [[0], [2]], [[0], [1], [2]], [[1], [1]], [[0], [1], [2], [0]]):
        yield [[*row] for row in rows], {"dimension": 1}
    for rows in (
        [[0, 0], [1, 1], [2, 2]],
        [[0, 0], [1, 2], [2, 1]],
        [[0, 0], [1, 0], [0, 1], [1, 1]],
        [[0, 1], [1, 1], [2, 1]],
    ):
        yield [[*row] for row in rows], {"dimension": 2}


def verdict(module: ModuleType, case: Case) -> str:
    try:
        judged = module.verify(*case)
    except Refused as refused:
        return refused.condition
    except Exception as error:
        return type(error).__name__
    return " ".join(f"{name} {quantity.value}" for name, quantity in judged.metrics.items())


def built(tree: ast.Module, name: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        exec(compile(ast.fix_missing_locations(tree), name, "exec"), module.__dict__)
    finally:
        del sys.modules[name]
    return module


@pytest.mark.parametrize("name", sorted(JUDGING))
def test_a_verifier_with_one_thing_wrong_is_noticed(name: str) -> None:
    right = built(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")), "right")
    cases = [(case, verdict(right, case)) for case in battery(name)]
    assert len({said for _, said in cases}) > 3
    caught, survived = 0, list[str]()
    for what, tree in mutants(name):
        mutant = built(tree, "mutant")
        if any(verdict(mutant, case) != said for case, said in cases):
            caught += 1
        else:
            survived.append(what)
    assert caught >= 20
    assert set(survived) - set(SURVIVORS) == set()
