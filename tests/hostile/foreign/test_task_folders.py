"""A peer's folder as a task: made once, never written to, and what is too large is used where it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from peer_tasks import PEERS

from evaluators.foreign import box, task_folder
from evaluators.foreign.detect import detect
from evaluators.foreign.evaluator import ForeignEvaluator
from evaluators.foreign.interpreter import SYSTEM
from evaluators.foreign.task_folder import Made, make_task
from nightforge.catalogue import load_task
from nightforge.domain.words import EvidenceClass, Phase, SandboxTier
from nightforge.errors import UserError
from sandbox.local import LocalSandbox

pytestmark = pytest.mark.box


async def made_of(foreign: ForeignEvaluator, folder: Path, below: Path) -> Made:
    found = detect(folder)
    assert found is not None
    return await make_task(foreign, found, SYSTEM, below)


async def test_the_same_folder_is_the_same_task_and_a_changed_one_another(
    foreign: ForeignEvaluator, tmp_path: Path
) -> None:
    place = tmp_path / "sums"
    shutil.copytree(PEERS / "sums_shinka", place)
    first = await made_of(foreign, place, tmp_path / "tasks")
    assert (await made_of(foreign, place, tmp_path / "tasks")).folder == first.folder
    (place / "initial.py").write_text("def run(seed):\n    return 1.0\n", encoding="utf-8")
    assert (await made_of(foreign, place, tmp_path / "tasks")).folder != first.folder
    assert len(list((tmp_path / "tasks").iterdir())) == 2


async def test_a_folder_too_large_to_copy_is_used_where_it_is(
    foreign: ForeignEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read-only, so that an evaluator that writes beside itself is told so."""
    place = Path(shutil.copytree(PEERS / "sums_shinka", tmp_path / "sums"))
    for folder in (place, *place.parents[: len(place.parents) - 2]):
        folder.chmod(0o755)
    for module in (box, task_folder):
        monkeypatch.setattr(module, "MOST_COPIED", 10)
    monkeypatch.setattr(box, "MOST_CARRIED", 10)
    made = await made_of(foreign, place, tmp_path / "tasks")
    assert any("used where it is" in note for note in made.notes)
    task = load_task(made.folder)
    assert task.settings["folder"] == str(place)
    assert not (made.folder / "folder").exists()
    evidence = await foreign.evaluate(task.read(task.seed), task, {}, seed=1, phase=Phase.SEARCH)
    assert evidence.metrics["combined_score"].value == 12.0


async def test_links_and_what_tools_leave_behind_are_no_part_of_a_task(
    foreign: ForeignEvaluator, tmp_path: Path
) -> None:
    place = tmp_path / "sums"
    shutil.copytree(PEERS / "sums_shinka", place)
    (place / "__pycache__").mkdir()
    (place / "__pycache__" / "x.pyc").write_bytes(b"x")
    (place / "secret").symlink_to("/etc/passwd")
    made = await made_of(foreign, place, tmp_path / "tasks")
    assert {path.name for path in (made.folder / "folder").rglob("*")} == {"evaluate.py", "initial.py", "run_evo.py"}


async def test_a_threshold_that_the_first_program_misses_is_not_held_against_others(
    foreign: ForeignEvaluator, tmp_path: Path
) -> None:
    place = tmp_path / "curve"
    shutil.copytree(PEERS / "curve", place)
    (place / "config.yaml").write_text("evaluator:\n  cascade_thresholds: [0.99]\n", encoding="utf-8")
    made = await made_of(foreign, place, tmp_path / "tasks")
    assert any("not the threshold 0.99" in note for note in made.notes)
    assert load_task(made.folder).settings["thresholds"] == []


@pytest.mark.parametrize(("fit", "reason"), [("5.0 * x + 90.0", "below_threshold"), ("0.5 * x * x + 1.0", "")])
async def test_a_program_below_the_threshold_ends_there(
    foreign: ForeignEvaluator, tmp_path: Path, fit: str, reason: str
) -> None:
    made = await made_of(foreign, PEERS / "curve", tmp_path / "tasks")
    source = f"def fit(x):\n    return {fit}\n"
    evidence = await foreign.evaluate(source, load_task(made.folder), {}, seed=1, phase=Phase.SEARCH)
    assert evidence.stages[-1].reason == reason
    assert len(evidence.stages) == (1 if reason else 2)


async def test_settings_that_make_no_sense_are_named(foreign: ForeignEvaluator, tmp_path: Path) -> None:
    made = await made_of(foreign, PEERS / "moody", tmp_path / "tasks")
    task = load_task(made.folder)
    for change, words in (
        ({"stage_s": -1}, "stage_s"),
        ({"evaluator": "gone.py"}, "gone.py"),
        ({"colour": 1}, "colour"),
    ):
        with pytest.raises(UserError, match=words):
            foreign.check_task(task.model_copy(update={"settings": {**task.settings, **change}}))


async def test_without_a_box_a_folder_is_evaluated_all_the_same(tmp_path: Path) -> None:
    """The tier that a person has to type: paths of the box are those of a folder of the run."""
    unboxed = ForeignEvaluator(LocalSandbox())
    for name, value in (("sums_shinka", 12.0), ("curve", 0.4)):
        task = load_task((await made_of(unboxed, PEERS / name, tmp_path / "tasks")).folder)
        evidence = await unboxed.evaluate(task.read(task.seed), task, {}, seed=1, phase=Phase.SEARCH)
        assert evidence.metrics["combined_score"].value == value
        assert evidence.tier is SandboxTier.UNSAFE_LOCAL


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return {'combined_score': float('nan')}", "no_score"),
        ("return {}", "no_score"),
        ("return None", "the evaluator returned nothing"),
        ("raise ValueError('a bad day')", "a bad day"),
        ("__import__('os')._exit(7)", "exit code 7"),
        ("return {'combined_score': 1.0, 'error': 'disk full'}", "disk full"),
    ],
)
async def test_a_folder_whose_own_program_gets_no_number_is_refused_with_the_reason(
    foreign: ForeignEvaluator, tmp_path: Path, body: str, words: str
) -> None:
    place = tmp_path / "folder"
    place.mkdir()
    (place / "evaluator.py").write_text(f"def evaluate(program_path):\n    {body}\n", encoding="utf-8")
    (place / "initial_program.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(UserError, match="its own program does not pass") as caught:
        await made_of(foreign, place, tmp_path / "tasks")
    assert words in caught.value.what
    assert caught.value.hint
    assert list((tmp_path / "tasks").iterdir()) == []


@pytest.mark.parametrize(
    ("contract", "name"),
    [
        ("text_function", "score"),
        ("rule_class", "score"),
        ("sums_shinka", "combined_score"),
        ("skyline", "combined_score"),
    ],
)
async def test_each_contract_is_scored_by_its_own_number(
    foreign: ForeignEvaluator, tmp_path: Path, contract: str, name: str
) -> None:
    task = load_task((await made_of(foreign, PEERS / contract, tmp_path / "tasks")).folder)
    assert task.objective.metric == name
    calibration = await foreign.calibrate(task, {}, seed=1)
    expected = {"text_function": 3.0, "rule_class": -4.0, "sums_shinka": 12.0, "skyline": 2.0}[contract]
    (baseline,) = calibration.baselines
    assert baseline.metrics[name].value == expected
    assert calibration.evidence_class is EvidenceClass.FOREIGN
    assert calibration.noise.value == 0.0


async def test_a_module_is_found_by_the_place_that_it_had_in_its_repository(
    foreign: ForeignEvaluator, tmp_path: Path
) -> None:
    place = tmp_path / "repository" / "examples" / "summing"
    place.mkdir(parents=True)
    (place / "numbers_here.py").write_text("WANTED = 5.0\n", encoding="utf-8")
    (place / "score.py").write_text(
        "from examples.summing.numbers_here import WANTED\n\nSEED_CODE = 'x = 2.0'\n\n\n"
        "def evaluate(candidate):\n    space = {}\n    exec(candidate, space)\n    return -abs(space['x'] - WANTED)\n",
        encoding="utf-8",
    )
    task = load_task((await made_of(foreign, place, tmp_path / "tasks")).folder)
    assert task.settings["place"] == ["examples", "summing"]
    calibration = await foreign.calibrate(task, {}, seed=1)
    assert calibration.baselines[0].metrics["score"].value == -3.0


async def test_a_task_of_llm4ad_finds_its_own_modules_by_the_engines_names(
    foreign: ForeignEvaluator, tmp_path: Path
) -> None:
    place = tmp_path / "moved"
    shutil.copytree(PEERS / "rule_class", place)
    text = (place / "evaluation.py").read_text(encoding="utf-8")
    named = text.replace("from template import", "from llm4ad.task.optimization.packing.template import")
    assert named != text
    (place / "evaluation.py").write_text(named, encoding="utf-8")
    task = load_task((await made_of(foreign, place, tmp_path / "tasks")).folder)
    calibration = await foreign.calibrate(task, {}, seed=1)
    assert calibration.baselines[0].metrics["score"].value == -4.0


async def test_skydiscovers_no_is_a_failure_with_its_words(foreign: ForeignEvaluator, tmp_path: Path) -> None:
    task = load_task((await made_of(foreign, PEERS / "skyline", tmp_path / "tasks")).folder)
    wrong = "def visible(heights):\n    return [9]\n"
    evidence = await foreign.evaluate(wrong, task, {}, seed=1, phase=Phase.SEARCH)
    assert evidence.failure is not None
    assert "no such house" in evidence.failure.feedback
    better = "def visible(heights):\n    return [0, 2, 4]\n"
    found = await foreign.evaluate(better, task, {}, seed=1, phase=Phase.SEARCH)
    assert (found.metrics["combined_score"].value, found.evidence_class) == (3.0, EvidenceClass.FOREIGN)
