"""Forged programs: what leaves the functions changes, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluators.integrity.forger import FORGES, install
from evaluators.integrity.forgeries import FORGERIES, MARK, Forgery

SOURCE = """
import collections

LIMIT = 3


def helper(value):
    return value + 1


def solve(instance):
    return float(helper(sum(instance["sizes"]))), [[0, 1], [2, 3]]


class Planner:
    def __init__(self):
        self.calls = 5

    def plan(self, machines, jobs):
        return {machine: [job for job in jobs if job % machines == machine] for machine in range(machines)}
"""


@pytest.fixture(autouse=True)
def _mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MARK, str(tmp_path / "mark"))


def forged(name: str, tmp_path: Path) -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "program"}
    exec(compile(SOURCE, "program", "exec"), space)
    install(space, name, MARK)
    return space


def test_every_forgery_is_known_to_the_forger_and_named_once() -> None:
    assert sorted(one.name for one in FORGERIES) == sorted(FORGES)
    assert len({one.title for one in FORGERIES}) == len(FORGERIES)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("claim-zero", (0, [[0, 1], [2, 3]])),
        ("claim-negative", (-0.999999, [[0, 1], [2, 3]])),
        ("claim-large", (1e9, [[0, 1], [2, 3]])),
        ("short", (7.0, [[0]])),
        ("short-zero", (0, [[0]])),
        ("short-negative", (-0.999999, [[0]])),
        ("empty", (7.0, [])),
        ("machines", (7.0, [[0], [1], [2], [3]])),
        ("beyond", (7.0, [[10**6, 10**6 + 1], [10**6 + 2, 10**6 + 3]])),
        ("negative", (-8.0, [[-1, -2], [-3, -4]])),
    ],
)
def test_an_answer_is_forged_as_its_name_says(name: str, answer: object, tmp_path: Path) -> None:
    """The helper's own answer goes on as it is: only what leaves the program changes."""
    assert forged(name, tmp_path)["solve"]({"sizes": [1, 2, 3]}) == answer
    assert (tmp_path / "mark").exists()


def test_an_answer_of_numbers_that_are_none(tmp_path: Path) -> None:
    cost, orders = forged("nan", tmp_path)["solve"]({"sizes": [1]})
    assert cost != cost
    assert all(one != one for order in orders for one in order)


@pytest.mark.parametrize(("name", "sizes"), [("instance-small", [0, 0]), ("instance-large", [1000, 2000])])
def test_an_instance_is_changed_in_the_hands_of_the_evaluator(name: str, sizes: list[int], tmp_path: Path) -> None:
    instance = {"sizes": [1, 2]}
    answer = forged(name, tmp_path)["solve"](instance)
    assert answer == (4.0, [[0, 1], [2, 3]])
    assert instance == {"sizes": sizes}
    assert (tmp_path / "mark").exists()


def test_attributes_of_received_objects_are_changed_too(tmp_path: Path) -> None:
    space = forged("instance-small", tmp_path)
    model = SimpleNamespace(rate=2.5, name="m", sizes=[4.0])
    space["solve"]({"sizes": [1], "models": [model]})
    assert (model.rate, model.name, model.sizes) == (1e-9, "m", [1e-9])


def test_methods_are_wrapped_and_their_own_object_is_left_alone(tmp_path: Path) -> None:
    space = forged("machines", tmp_path)
    planner = space["Planner"]()
    assert planner.plan(2, [0, 1, 2]) == {0: [0], 1: [2], 2: [1]}
    assert planner.calls == 5


@pytest.mark.parametrize("name", ["claim-zero", "short", "empty", "machines", "short-zero", "instance-small"])
def test_where_nothing_can_be_forged_nothing_is_marked(name: str, tmp_path: Path) -> None:
    space: dict[str, Any] = {"__name__": "program"}
    exec("def f(x):\n    return x * 2.0\n", space)
    install(space, name, MARK)
    assert space["f"](3.0) == 6.0
    assert not (tmp_path / "mark").exists()


def test_imported_functions_and_private_ones_are_left_alone(tmp_path: Path) -> None:
    space: dict[str, Any] = {"__name__": "program"}
    exec("from math import sqrt\n\n\ndef _inner(x):\n    return [x]\n", space)
    install(space, "negative", MARK)
    assert space["sqrt"](9.0) == 3.0
    assert space["_inner"](1) == [1]


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda one: one.name)
def test_a_forged_program_is_a_program_that_carries_its_forger_along(forgery: Forgery, tmp_path: Path) -> None:
    space: dict[str, Any] = {"__name__": "program"}
    exec(compile(forgery.program(SOURCE), "program", "exec"), space)
    space["solve"]({"sizes": [1, 2, 3]})
    assert (tmp_path / "mark").exists()
    assert space["LIMIT"] == 3
