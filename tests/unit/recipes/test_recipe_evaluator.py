"""The evaluator of recipes through the port, with ABC in a real box, on a few of the shipped tasks' circuits."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import tasks
from evaluators.accelerators import toolchain
from evaluators.accelerators.recipe.abc import Job, Quality, optimise
from evaluators.accelerators.recipe.aig import Aig
from evaluators.accelerators.recipe.evaluator import BEST, RecipeEvaluator
from evaluators.accelerators.recipe.fixed import FIXED
from evaluators.accelerators.recipe.laboratory import (
    Laboratory,
    Row,
    gain_metrics,
    mean_gain,
    percent,
    single_gain,
    table,
)
from evaluators.accelerators.recipe.settings import Circuit, Measure, RecipeSettings, read_hidden, read_settings
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.scoring import gain_stands, score_evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from nightforge.errors import UserError
from sandbox.probe import open_sandbox
from tools.recipes.grammar import parse_recipe, print_recipe

SHIPPED = ("recipe-adp", "recipe-lut6")
needs_abc = pytest.mark.skipif(toolchain.find(toolchain.ABC) is None, reason="no ABC: make setup-eda")
HIDDEN = """
circuits = [
  { name = "secret9", kind = "adder", numbers = { bits = 9 } },
  { name = "secret5", kind = "comparator", numbers = { bits = 5 } },
]
drawn = [{ name = "fresh", kind = "table", numbers = { inputs = 4, outputs = 2, seed = 0 } }]
"""


def shipped(name: str) -> Task:
    return load_task(Path(next(iter(tasks.__path__))) / name)


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Task]:
    """A shipped task on its third to fifth circuits, in a folder that may be changed, with a small hidden file."""

    def make(name: str) -> Task:
        folder = tmp_path / name
        shutil.copytree(Path(next(iter(tasks.__path__))) / name, folder)
        (folder / "hidden.toml").write_text(HIDDEN, encoding="utf-8")
        task = load_task(folder)
        training = task.settings["training"]
        assert isinstance(training, list)
        return task.model_copy(update={"settings": {**task.settings, "training": training[2:5], "screen": 1}})

    return make


@pytest.fixture(scope="module")
def evaluator() -> RecipeEvaluator:
    return RecipeEvaluator(open_sandbox())


def evaluated(
    evaluator: RecipeEvaluator, task: Task, source: str, *, phase: Phase = Phase.SEARCH, best: float | None = None
) -> Evidence:
    return asyncio.run(evaluator.evaluate(source, task, {}, seed=4, phase=phase, best_score=best))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_tasks_are_valid_and_held_out_circuits_are_others(name: str, evaluator: RecipeEvaluator) -> None:
    task = shipped(name)
    evaluator.check_task(task)
    settings, hidden = read_settings(task), read_hidden(task)
    trained = {circuit.aig.sha256 for circuit in settings.training}
    held_out = {circuit.aig.sha256 for circuit in (*hidden.circuits, *hidden.draw(1))}
    assert not trained & held_out
    assert {circuit.kind for circuit in hidden.circuits} - {circuit.kind for circuit in settings.training}
    assert hidden.draw(1) == hidden.draw(1)
    assert hidden.draw(1) != hidden.draw(2)
    assert all(circuit.name not in task.read(task.brief) for circuit in hidden.circuits)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "screen"', 'name = "sift"', "'sift' is unknown"),
        ('language = "abc-recipe"', 'language = "c"', "'c' is not run here"),
        ('metric = "gain"', 'metric = "speed"', "'speed' is not measured"),
        ('measure = "adp"', 'measure = "area"', "settings.measure"),
        ("{ bits = 20 }", "{ bits = 2000 }", "not within 2 to 128"),
        ('kind = "alu"', 'kind = "cpu"', "no circuit of kind 'cpu'"),
        ('name = "alu8"', 'name = "adder20"', "two circuits are called adder20"),
        ("screen = 8", "screen = 37", "leaves none of 37"),
        ("drop_factor = 0.93", "drop_factor = 0.93\ncolour = 1", "settings.colour"),
    ],
)
def test_what_is_wrong_with_a_task_is_named(
    old: str, new: str, words: str, tmp_path: Path, evaluator: RecipeEvaluator
) -> None:
    folder = tmp_path / "recipe-adp"
    shutil.copytree(Path(next(iter(tasks.__path__))) / "recipe-adp", folder)
    text = (folder / "task.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "task.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=words):
        evaluator.check_task(load_task(folder))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("circuits = [", "no TOML"),
        ("circuits = []", "circuits"),
        (
            HIDDEN.replace('kind = "table"', 'kind = "alu"').replace("inputs = 4, outputs = 2, seed = 0", "bits = 4"),
            "seed",
        ),
    ],
)
def test_what_is_wrong_with_the_hidden_file_is_named(
    text: str, words: str, copy: Callable[[str], Task], evaluator: RecipeEvaluator
) -> None:
    task = copy("recipe-adp")
    (task.root / "hidden.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=words):
        evaluator.check_task(task)
    (task.root / "hidden.toml").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        evaluator.check_task(task)


def test_a_seed_that_is_no_recipe_is_a_fault_of_the_task(
    copy: Callable[[str], Task], evaluator: RecipeEvaluator
) -> None:
    task = copy("recipe-adp")
    (task.root / task.seed).write_text("balance; rewrite\n", encoding="utf-8")
    with pytest.raises(UserError, match="the seed: line 1"):
        evaluator.check_task(task)


def row(size: float, best: float, measure: Measure = Measure.LUT6) -> Row:
    fixed = {"dch3": Quality(best, 1.0), "resyn2": Quality(2 * best, 1.0)}
    return Row("c", "adder", [Quality(size, 2.0)], fixed, measure)


def test_a_gain_is_the_geometric_mean_of_ratios() -> None:
    assert mean_gain([row(10, 20), row(20, 10)]) == pytest.approx(1.0)
    assert mean_gain([row(10, 40), row(10, 10)]) == pytest.approx(2.0)
    assert mean_gain([row(10, 40), row(10, 10)], "resyn2") == pytest.approx(4.0)
    assert row(10, 20, Measure.ADP).gain == pytest.approx(1.0)
    assert row(10, 20).best_name == "dch3"
    assert percent([row(10, 20)], "size").value == pytest.approx(-50)
    assert percent([row(10, 20)], "delay").value == pytest.approx(100)


def test_the_smallest_part_counts_and_one_alone_is_told() -> None:
    fixed = {"dch3": Quality(20, 1.0)}
    rows = [
        Row("a", "adder", [Quality(10, 1.0), Quality(20, 1.0)], fixed, Measure.LUT6),
        Row("b", "adder", [Quality(40, 1.0), Quality(16, 1.0)], fixed, Measure.LUT6),
    ]
    assert [row.quality.size for row in rows] == [10, 16]
    assert mean_gain(rows) == pytest.approx(math.sqrt(2 * 1.25))
    assert single_gain(rows) == pytest.approx(math.sqrt(1 * 1.25))
    assert gain_metrics(rows, "gain", interval=False)["gain.one-part"].value == single_gain(rows)
    assert "a: gain 2.000 by part 1, 10 LUTs" in table(rows)


def test_the_interval_of_a_confirmed_gain_comes_from_the_circuits() -> None:
    even = gain_metrics([row(10, 12)] * 8, "gain", interval=True)
    assert set(even) == {"gain", "gain.one-part", "gain.dch3", "gain.resyn2"}
    assert even["gain"].low == pytest.approx(even["gain"].value)
    assert even["gain.resyn2"].value == pytest.approx(2.4)
    scattered = gain_metrics([row(10, 5), row(10, 40), row(10, 10), row(10, 12)], "gain", interval=True)["gain"]
    assert scattered.low is not None
    assert scattered.high is not None
    assert scattered.low < scattered.value < scattered.high
    assert gain_metrics([row(10, 5)], "gain", interval=False)["gain"].low is None


@needs_abc
@pytest.mark.box
@pytest.mark.parametrize("name", SHIPPED)
def test_the_reference_is_the_best_of_five_on_each_circuit(
    name: str, copy: Callable[[str], Task], evaluator: RecipeEvaluator
) -> None:
    task = copy(name)
    assert evaluator.prerequisites(task) == ()
    calibration = asyncio.run(evaluator.calibrate(task, {}, seed=1))
    gains = {baseline.name: baseline.metrics["gain"].value for baseline in calibration.baselines}
    assert calibration.reference == BEST
    assert gains.pop(BEST) == 1.0
    assert set(gains) == set(FIXED)
    assert max(gains.values()) <= 1.0
    for fixed in ("dch3", "compress2rs"):
        evidence = evaluated(evaluator, task, print_recipe(FIXED[fixed]))
        assert evidence.metrics["gain"].value == pytest.approx(gains[fixed], rel=1e-12)
        assert not gain_stands(evidence, task.objective, calibration)


@needs_abc
@pytest.mark.box
def test_the_same_recipe_gets_the_same_numbers(copy: Callable[[str], Task], evaluator: RecipeEvaluator) -> None:
    task = copy("recipe-adp")
    source = "dch\nif -K 6; mfs2; strash\n&get -n; &syn4; &put\ndch\n"
    first = evaluated(evaluator, task, source)
    again = evaluated(RecipeEvaluator(open_sandbox()), task, f"# the same\n\n{source}")
    assert first.metrics == again.metrics
    assert [stage.stage for stage in first.stages] == ["parse", "screen", "full"]
    assert evaluator.is_lasting(first)
    assert "abc" in first.stages[-1].tools
    score = score_evidence(first, task.objective)
    assert score is not None
    assert math.isclose(score.value, first.metrics["gain"].value)
    assert first.stages[-1].feedback.count("gain ") == 3


@needs_abc
@pytest.mark.box
@pytest.mark.parametrize("count", [6, pytest.param(29, marks=pytest.mark.slow)])
def test_five_parts_are_each_measured_and_the_best_counts_on_each_circuit(count: int) -> None:
    """With the longest lines, whatever ABC prints of them; 29 circuits are as many as a stage has."""
    settings = read_settings(shipped("recipe-adp"))
    laboratory = Laboratory(open_sandbox())
    ends = ["resub -K 12 -N 2 -z -l", "dch", "&get -n; &syn4; &put", "dch; if -K 8 -g; strash", "&get -n; &dc2; &put"]
    sources = ["&get -n; &if -K 6; &mfs; &st; &put\n" * 3 + f"{end}\n" for end in ends]
    numbers = {"inputs": 6, "outputs": 3}
    circuits = [Circuit(name=f"t{seed}", kind="table", numbers={**numbers, "seed": seed}) for seed in range(count)]

    async def run() -> tuple[list[Row], list[list[Row]]]:
        parts = [await laboratory.measure(parse_recipe(source), circuits, settings) for source in sources]
        fresh = Laboratory(open_sandbox())
        return await fresh.measure(parse_recipe("or\n".join(sources)), circuits, settings), parts

    together, alone = asyncio.run(run())
    for place, row in enumerate(together):
        assert row.parts == [rows[place].quality for rows in alone]
        assert row.gain == max(rows[place].gain for rows in alone)
    assert single_gain(together) == pytest.approx(max(mean_gain(rows) for rows in alone))
    assert mean_gain(together) > single_gain(together)
    assert f"by part {together[0].parts.index(together[0].quality) + 1}," in table(together)


@needs_abc
@pytest.mark.box
def test_a_part_that_was_measured_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(shipped("recipe-lut6"))
    laboratory, ran = Laboratory(open_sandbox()), list[str]()

    async def counted(sandbox: Sandbox, jobs: Sequence[Job], *rest: RecipeSettings, alone: bool = False) -> list[Aig]:
        ran.extend(print_recipe(job.part) for job in jobs)
        return await optimise(sandbox, jobs, *rest, alone=alone)

    async def run() -> tuple[list[Row], list[Row], list[Row]]:
        few = settings.training[2:4]
        first = await laboratory.measure(parse_recipe("balance\nor\nrewrite\n"), few, settings)
        ran.clear()
        second = await laboratory.measure(parse_recipe("rewrite\nor\nfraig\nor\nfraig\n"), few, settings)
        return first, second, await laboratory.measure(parse_recipe("rewrite\n"), few, settings, alone=True)

    monkeypatch.setattr("evaluators.accelerators.recipe.laboratory.optimise", counted)
    first, second, last = asyncio.run(run())
    assert Counter(ran) == {"fraig\n": 2, "rewrite\n": 2}
    assert [row.parts[1] for row in first] == [row.parts[0] for row in second] == [row.parts[0] for row in last]
    assert all(row.parts[1] == row.parts[2] for row in second)


@needs_abc
@pytest.mark.box
def test_a_clearly_worse_recipe_ends_after_the_first_circuits(
    copy: Callable[[str], Task], evaluator: RecipeEvaluator
) -> None:
    task = copy("recipe-adp")
    worse = evaluated(evaluator, task, "balance\n", best=1.4)
    assert worse.failure is not None
    assert (worse.failure.stage, worse.failure.reason) == ("screen", "clearly_worse")
    assert "1.400 is the best so far" in worse.failure.feedback
    assert not evaluator.is_lasting(worse)
    assert evaluated(evaluator, task, "balance\n", best=0.1).passed


@needs_abc
@pytest.mark.box
def test_confirmation_scores_held_out_circuits_and_names_none(
    copy: Callable[[str], Task], evaluator: RecipeEvaluator
) -> None:
    task = copy("recipe-lut6")
    searched = evaluated(evaluator, task, task.read(task.seed))
    confirmed = evaluated(evaluator, task, task.read(task.seed), phase=Phase.CONFIRMATION)
    assert [stage.stage for stage in confirmed.stages] == ["parse", "confirm"]
    gain = confirmed.metrics["gain"]
    assert gain.low is not None
    assert gain.samples == 2
    assert confirmed.metrics["training_gain"] == searched.metrics["gain"]
    assert min(confirmed.metrics[f"gain.{name}"].value for name in FIXED) >= gain.value
    assert confirmed.metrics["drawn_gain"].value > 0
    words = confirmed.stages[-1].feedback
    assert words.count("gain") == 3
    assert not any(name in words for name in ("secret", "fresh", "9", "LUTs"))


@needs_abc
@pytest.mark.box
def test_the_fingerprint_knows_the_tools_the_hidden_file_and_the_parameters(
    copy: Callable[[str], Task], evaluator: RecipeEvaluator
) -> None:
    task = copy("recipe-adp")
    first = asyncio.run(evaluator.fingerprint(task, {}))
    assert first == asyncio.run(evaluator.fingerprint(task, {}))
    assert first != asyncio.run(evaluator.fingerprint(task, {"processor": "asic"}))
    (task.root / "hidden.toml").write_text(HIDDEN.replace("bits = 9", "bits = 8"), encoding="utf-8")
    assert first != asyncio.run(evaluator.fingerprint(task, {}))


@needs_abc
@pytest.mark.box
@pytest.mark.parametrize("name", SHIPPED)
def test_candidates_of_known_fate_meet_it(name: str, copy: Callable[[str], Task], evaluator: RecipeEvaluator) -> None:
    task = copy(name)
    calibration = asyncio.run(evaluator.calibrate(task, {}, seed=1))
    for known in task.rehearsal:
        evidence = evaluated(evaluator, task, task.read(known.path), phase=Phase.REHEARSAL)
        gained = gain_stands(evidence, task.objective, calibration)
        held = {"pass": evidence.passed, "reject": not evidence.passed, "no-gain": not gained}[known.expect]
        assert held, (known.path, evidence.failure)
        assert evidence.passed or evaluator.is_lasting(evidence)
