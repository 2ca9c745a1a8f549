"""The domain `program`: tasks that are wrong, baselines, the budget, confirmation, a verifier of a user's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import cast

import pytest
from program_play import PROGRAM_TASKS, answer_with, defaults_of, program_task

from evaluators.integrity.admission import admit
from evaluators.integrity.mutation import MutationTest, draw_mutants
from evaluators.integrity.seams import OffersChecker, OffersImpostors, OffersMutants
from evaluators.program.contract import Refused
from evaluators.program.evaluator import ProgramEvaluator
from evaluators.program.spec import load_verifier, read_settings
from nightforge.catalogue import load_task
from nightforge.domain.base import Json, Scalar
from nightforge.domain.ports import Sandbox
from nightforge.domain.scoring import gain_stands
from nightforge.domain.words import Alarm, Outcome, Phase
from nightforge.errors import EvaluatorFault, UserError
from sandbox.probe import open_sandbox

VERIFIER = """
from fractions import Fraction

from evaluators.program.contract import Judged, Quantity, Refused


def verify(answer, parameters):
    if type(answer) is not int or answer % parameters["circles"]:
        raise Refused("multiple", f"{answer!r} is no multiple")
    return Judged({"sum_of_radii": Quantity(Fraction(answer))})


def known(parameters):
    return None
"""


@cache
def evaluator() -> ProgramEvaluator:
    return ProgramEvaluator(open_sandbox())


def evaluator_without_box() -> ProgramEvaluator:
    return ProgramEvaluator(cast(Sandbox, None))


def parameters_of(name: str, **others: Scalar) -> Mapping[str, Scalar]:
    return {**defaults_of(program_task(name)), "seconds": 2, **others}


@pytest.mark.box
@pytest.mark.parametrize("name", PROGRAM_TASKS)
async def test_the_reference_is_the_strongest_baseline_and_the_seed_gains_nothing(name: str) -> None:
    task, parameters = program_task(name), parameters_of(name)
    evaluator().check_task(task)
    calibration = await evaluator().calibrate(task, parameters, seed=1)
    best = {"circle-packing": "grid", "matmul-scheme": "strassen-twice", "cap-set": "products"}[name]
    assert calibration.reference == best
    assert calibration.band == 0
    evidence = await evaluator().evaluate(task.read(task.seed), task, parameters, seed=1, phase=Phase.SEARCH)
    assert evidence.passed
    assert not gain_stands(evidence, task.objective, calibration)
    assert "exactly verified; the best known is" in evidence.stages[-1].feedback


@pytest.mark.box
@pytest.mark.parametrize(("size", "reference", "rank"), [(2, "strassen", 7), (3, "laderman", 23)])
async def test_baselines_belong_to_parameters(size: int, reference: str, rank: int) -> None:
    task = program_task("matmul-scheme")
    calibration = await evaluator().calibrate(task, parameters_of("matmul-scheme", size=size), seed=1)
    assert calibration.reference == reference
    found = next(one for one in calibration.baselines if one.name == reference)
    assert found.metrics["multiplications"].value == rank


@pytest.mark.box
async def test_cpu_time_is_the_parameter() -> None:
    """The same program: in time where it may take 2 s, too late where it may take 1 s."""
    task = program_task("circle-packing")
    waiting = "    while process_time() < 1.4:\n        pass\n    return settle(layout)"
    busy = task.read(task.seed).replace("    return settle(layout)", waiting)
    source = busy.replace("from math import", "from time import process_time\n\nfrom math import", 1)
    short = await evaluator().evaluate(source, task, parameters_of(task.name, seconds=1), seed=1, phase=Phase.SEARCH)
    assert short.failure is not None
    assert short.failure.outcome is Outcome.TIMEOUT
    long = await evaluator().evaluate(source, task, parameters_of(task.name, seconds=6), seed=1, phase=Phase.SEARCH)
    assert long.passed
    assert 1.4 <= long.metrics["cpu_s"].value < 6


@pytest.mark.box
async def test_a_confirmation_shows_the_answer_itself() -> None:
    task = program_task("circle-packing")
    evidence = await evaluator().evaluate(
        task.read("witness/tight.py"), task, parameters_of(task.name), seed=1, phase=Phase.CONFIRMATION
    )
    assert evidence.metrics["sum_of_radii"].value == 2.3125
    shown = next(stage.feedback for stage in evidence.stages if stage.stage == "verify")
    assert "[0.125,0.125,0.125]" in shown
    assert evaluator().is_lasting(evidence) is False


@pytest.mark.box
async def test_only_what_the_text_decides_may_be_remembered() -> None:
    task = program_task("circle-packing")
    wrong = await evaluator().evaluate("x = 1\n", task, parameters_of(task.name), seed=1, phase=Phase.SEARCH)
    assert wrong.failure is not None
    assert evaluator().is_lasting(wrong)


@pytest.mark.box
async def test_a_value_beyond_a_proof_is_an_alarm(tmp_path: Path) -> None:
    """With a verifier that lets everything through, and a bound that says what cannot be."""
    task = program_task("circle-packing")
    folder = tmp_path / "circle-packing"
    copytree(task.root, folder)
    bound = VERIFIER.replace("    return None", "    return Known(Fraction(2), 'us', Fraction(25), 'counted')")
    (folder / "verifier.py").write_text(bound.replace("Judged,", "Judged, Known,"), encoding="utf-8")
    text = (folder / "task.toml").read_text(encoding="utf-8")
    text = text.replace('verifier = "packing"', 'verifier = "verifier.py"')
    (folder / "task.toml").write_text(text, encoding="utf-8")
    own = load_task(folder)
    evidence = await evaluator().evaluate(
        "def pack(circles, seconds):\n    return 26\n", own, parameters_of(task.name), seed=1, phase=Phase.SEARCH
    )
    assert evidence.alarm is Alarm.BEYOND_BOUND


@pytest.mark.box
async def test_a_task_may_bring_its_own_verifier(tmp_path: Path) -> None:
    task = program_task("circle-packing")
    folder = tmp_path / "multiples"
    copytree(task.root, folder)
    (folder / "verifier.py").write_text(VERIFIER, encoding="utf-8")
    text = (folder / "task.toml").read_text(encoding="utf-8")
    text = text.replace('verifier = "packing"', 'verifier = "verifier.py"')
    (folder / "task.toml").write_text(text, encoding="utf-8")
    own = load_task(folder)
    evaluator().check_task(own)
    for answer, passes in (("52", True), ("53", False), ("52.0", False), ("True", False)):
        source = f"def pack(circles, seconds):\n    return {answer}\n"
        evidence = await evaluator().evaluate(source, own, parameters_of(task.name), seed=1, phase=Phase.SEARCH)
        assert evidence.passed is passes
    with pytest.raises(EvaluatorFault, match="the baseline does not pass"):
        await evaluator().calibrate(own, parameters_of(task.name), seed=1)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('verifier = "packing"', 'verifier = "knots"', "'knots' is unknown"),
        ('verifier = "packing"', 'verifier = "seed.py"', "has no function verify nor known"),
        ('source = "witness/tight.py"', 'source = "witness/loose.py"', "no file witness/loose.py"),
        ('language = "python"', 'language = "c"', "does not run here"),
        ('name = "verify"', 'name = "believe"', "'believe' is unknown"),
        ('name = "seconds"', 'name = "patience"', "no parameter 'seconds'"),
        ('function = "pack"', 'function = "import os"', "function"),
        ('function = "pack"', 'function = "pack"\nfuntion = "pack"', "funtion"),
    ],
)
def test_a_wrong_task_is_said_with_its_place(tmp_path: Path, before: str, after: str, says: str) -> None:
    folder = tmp_path / "circle-packing"
    copytree(program_task("circle-packing").root, folder)
    text = (folder / "task.toml").read_text(encoding="utf-8")
    assert before in text
    (folder / "task.toml").write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        evaluator_without_box().check_task(load_task(folder))
    assert says in f"{caught.value} {caught.value.where}"


@pytest.mark.box
@pytest.mark.parametrize("name", PROGRAM_TASKS)
async def test_witnesses_are_admitted_forgeries_are_not_and_every_mutant_is_caught(name: str) -> None:
    """A sample here; `nightforge task check` takes 200."""
    task, parameters = program_task(name), parameters_of(name)
    assert isinstance(evaluator(), OffersChecker)
    assert isinstance(evaluator(), OffersImpostors)
    assert isinstance(evaluator(), OffersMutants)
    honest = evaluator().honest_programs(task)
    assert honest
    async with evaluator().open_checker(task, parameters, seed=1) as checker:
        checks = await admit(checker, honest, evaluator().impostors(task))
        assert len(checks) >= 15
        assert [check.name for check in checks if not check.held] == []
        mutants = draw_mutants(honest, evaluator().mutator(task), seed=1)
        assert len(mutants) > 200
        report = await MutationTest(checker, honest, seed=1).run(mutants, wanted=12)
    assert report.score == 1.0
    assert report.counted == 12


@pytest.mark.parametrize("name", PROGRAM_TASKS)
def test_every_mutant_of_a_witness_is_wrong(name: str) -> None:
    """All of them for circles, every 23rd of the many others; by the verifier alone."""
    task = program_task(name)
    settings = read_settings(task)
    verifier = load_verifier(task, settings)
    (honest,) = evaluator_without_box().honest_programs(task)
    parameters = defaults_of(task)
    assert verifier.verify(answer_with(honest.source, settings.function, parameters), parameters).metrics
    count = 0
    for change in list(evaluator_without_box().mutator(task)(honest.source))[:: 1 if name == "circle-packing" else 23]:
        with pytest.raises(Refused):
            verifier.verify(answer_with(change.source, settings.function, parameters), parameters)
        count += 1
    assert count > 60


def test_the_verifier_that_the_docs_show_works(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "program.md").read_text(encoding="utf-8")
    (shown,) = (block for block in page.split("```python\n") if "Sidon" in block)
    folder = tmp_path / "sidon"
    copytree(program_task("circle-packing").root, folder)
    (folder / "verifier.py").write_text(shown.partition("```")[0], encoding="utf-8")
    text = (folder / "task.toml").read_text(encoding="utf-8").replace('"packing"\n', '"verifier.py"\n')
    (folder / "task.toml").write_text(text, encoding="utf-8")
    task = load_task(folder)
    verifier = load_verifier(task, read_settings(task))
    judged = verifier.verify([0, 1, 4, 6], {"largest": 6})
    assert judged.metrics["members"].value == 4
    for wrong in ([0, 1, 2], [0, 7], [0, 0], [True, 5], [], "0146"):
        with pytest.raises(Refused):
            verifier.verify(cast(Json, wrong), {"largest": 6})
    assert verifier.known({"largest": 6}) is None
