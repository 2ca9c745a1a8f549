"""Recipes that try to be something else, and circuits that are not what they should be: none gets a number.

Recipes go through the whole evaluator in a real box. The circuits go past the whitelist, straight to what judges them:
should a line ever get through that writes another circuit, the proof must stand alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import tasks
from evaluators.accelerators import toolchain
from evaluators.accelerators.recipe import abc
from evaluators.accelerators.recipe.abc import Job, judge, optimise
from evaluators.accelerators.recipe.aig import FALSE, TRUE, Aig
from evaluators.accelerators.recipe.evaluator import RecipeEvaluator
from evaluators.accelerators.recipe.laboratory import refute
from evaluators.accelerators.recipe.settings import Circuit, Measure, RecipeSettings, read_settings
from evaluators.accelerators.refusal import Refused
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome, Phase
from sandbox.probe import open_sandbox
from tools.recipes.grammar import Recipe, parse_recipe, parts_of

pytestmark = [
    pytest.mark.box,
    pytest.mark.skipif(toolchain.find(toolchain.ABC) is None, reason="no ABC: make setup-eda"),
]
_HERE = Path(__file__).parent
_OTHER_REASON = {
    "28_overlong": "too_long",
    "29_many_lines": "too_long",
    "47_nothing": "empty",
    "48_comments_only": "empty",
    "54_empty_part": "empty",
    "55_empty_part_between": "empty",
    "56_six_parts": "too_long",
    "57_many_commands_in_parts": "too_long",
    "58_or_alone": "empty",
}
ADDER = Circuit(name="adder4", kind="adder", numbers={"bits": 4})
ALU = Circuit(name="alu3", kind="alu", numbers={"bits": 3})
WIDE = Circuit(name="adder16", kind="adder", numbers={"bits": 16})


@pytest.fixture(scope="module")
def box() -> Sandbox:
    return open_sandbox()


@pytest.fixture(scope="module")
def task() -> Task:
    """The shipped task on its first three circuits."""
    shipped = load_task(Path(next(iter(tasks.__path__))) / "recipe-adp")
    training = shipped.settings["training"]
    assert isinstance(training, list)
    return shipped.model_copy(update={"settings": {**shipped.settings, "training": training[:3], "screen": 1}})


@pytest.fixture(scope="module")
def settings(task: Task) -> RecipeSettings:
    return read_settings(task)


@pytest.fixture(scope="module")
def evaluate(box: Sandbox, task: Task) -> Callable[[str], Evidence]:
    evaluator = RecipeEvaluator(box)
    return lambda source: asyncio.run(evaluator.evaluate(source, task, {}, seed=1, phase=Phase.SEARCH))


@pytest.mark.parametrize("path", sorted((_HERE / "cheats").iterdir()), ids=lambda path: path.stem)
def test_a_cheat_is_refused_before_abc_sees_it(path: Path, evaluate: Callable[[str], Evidence]) -> None:
    evidence = evaluate(path.read_bytes().decode())
    failure = evidence.failure
    assert failure is not None
    assert (failure.stage, failure.outcome) == ("parse", Outcome.FAIL)
    assert failure.reason == _OTHER_REASON.get(path.stem, "not_allowed")
    assert failure.feedback.isascii()
    assert failure.feedback.isprintable()


@pytest.mark.parametrize("path", sorted((_HERE / "honest").iterdir()), ids=lambda path: path.stem)
def test_an_honest_recipe_is_measured(path: Path, evaluate: Callable[[str], Evidence]) -> None:
    evidence = evaluate(path.read_text(encoding="utf-8"))
    assert evidence.passed, evidence.failure
    assert evidence.metrics["gain"].value > 0


def jobs(recipe: Recipe, *circuits: Circuit) -> list[Job]:
    return [Job(part, circuit) for part in parts_of(recipe) for circuit in circuits]


def wrong_graphs() -> dict[str, tuple[Circuit, Aig]]:
    first, second, *rest = WIDE.aig.outputs
    gates = list(WIDE.aig.ands)
    gates[-1] = (gates[-1][0] ^ 1, gates[-1][1])
    return {
        "constant": (ADDER, replace(ADDER.aig, outputs=(FALSE,) * 5, ands=())),
        "one output constant": (WIDE, replace(WIDE.aig, outputs=(TRUE, second, *rest))),
        "outputs swapped": (WIDE, replace(WIDE.aig, outputs=(second, first, *rest))),
        "an output inverted": (WIDE, replace(WIDE.aig, outputs=(first, second ^ 1, *rest))),
        "one gate with another sign": (WIDE, replace(WIDE.aig, ands=tuple(gates))),
        "an input in place of a gate": (ALU, replace(ALU.aig, outputs=(2, *ALU.aig.outputs[1:]))),
        "wrong on few inputs only": (WIDE, replace(WIDE.aig, outputs=(*WIDE.aig.outputs[:-1], WIDE.aig.outputs[-2]))),
    }


@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("name", list(wrong_graphs()))
def test_abc_alone_finds_another_function(name: str, measure: Measure, box: Sandbox, settings: RecipeSettings) -> None:
    circuit, graph = wrong_graphs()[name]
    right = (ALU, ALU.aig)
    with pytest.raises(Refused) as refused:
        asyncio.run(judge(box, [right, (circuit, graph)], measure, settings))
    assert refused.value.reason == "not_equivalent"
    assert circuit.name in refused.value.feedback


@pytest.mark.parametrize("name", list(wrong_graphs()))
def test_our_own_simulation_finds_it_too(name: str) -> None:
    circuit, graph = wrong_graphs()[name]
    refute(circuit, circuit.aig)
    with pytest.raises(Refused) as refused:
        refute(circuit, graph)
    assert refused.value.reason == "not_equivalent"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ALU.aig.to_aiger(), "ports_changed"),
        (ADDER.aig.to_aiger()[:-3], "no_circuit"),
        (b"aig 9 8 1 5 0\n" + b"2\n" * 6, "no_circuit"),
        (b"Networks are equivalent", "no_circuit"),
        (Aig(8, ADDER.aig.outputs[:4], ADDER.aig.ands).to_aiger(), "ports_changed"),
        (Aig(8, (), ()).to_aiger(), "ports_changed"),
        (Aig(9, (2, 4, 6, 8, 10), ()).to_aiger(), "ports_changed"),
    ],
    ids=["another circuit", "cut off", "a latch", "a forged word", "an output less", "no outputs", "an input more"],
)
def test_what_is_no_such_circuit_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        abc.checked(content, ADDER)
    assert refused.value.reason == reason
    assert abc.checked(ADDER.aig.to_aiger() + b"i0 renamed\no0 other\nc\nNetworks are equivalent\n", ADDER) == ADDER.aig


def test_too_little_time_and_memory_fail_the_candidate_alone(box: Sandbox, settings: RecipeSettings) -> None:
    slow = Circuit(name="slow", kind="divider", numbers={"bits": 24})
    endless = parse_recipe("if -K 8 -x; strash\ndch\n" * 10)
    hurried = settings.model_copy(update={"cpu_s": 1})
    with pytest.raises(Refused) as late:
        asyncio.run(optimise(box, jobs(endless, ADDER, slow), hurried))
    assert (late.value.reason, late.value.outcome) == ("timeout", Outcome.TIMEOUT)
    assert late.value.feedback.startswith("slow:")
    cramped = settings.model_copy(update={"memory_mib": 24})
    with pytest.raises(Refused) as short:
        asyncio.run(optimise(box, jobs(endless, ADDER), cramped))
    assert short.value.reason in {"crashed", "no_result"}
    assert [graph.inputs for graph in asyncio.run(optimise(box, jobs(endless[:1], ADDER), settings))] == [8]


def test_state_of_one_circuit_does_not_reach_the_next(box: Sandbox, settings: RecipeSettings) -> None:
    """One process for many circuits gives what a process for each gives."""
    circuits = [ALU, WIDE, *settings.training]
    for source in (
        "dch\nor\n&get -n; &syn4; &put\nresub -K 10 -N 2 -z\nfraig\n",
        "if -K 6; mfs2; strash\nscorr\ndc2 -b\n",
    ):
        wanted = jobs(parse_recipe(source), *circuits)
        together = asyncio.run(optimise(box, wanted, settings))
        assert together == asyncio.run(optimise(box, wanted, settings, alone=True))
        assert together[::-1] == asyncio.run(optimise(box, wanted[::-1], settings))
