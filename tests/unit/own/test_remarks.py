"""`task check` on a user's own code: every bad input is named with its mend, and holes are found by trying them."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from own_trees import SUMS, TIMED, MakeTask

from evaluators.integrity.examination import Extent, examine_task
from evaluators.own.evaluator import OwnEvaluator
from evaluators.own.spec import read_settings
from nightforge.catalogue import load_task
from nightforge.domain.integrity import IntegrityReport, Remark
from nightforge.domain.task import Task
from nightforge.errors import UserError
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

REPORTED = {"kind": "report", "command": "python3 bench.py {seed}", "metric": "cost", "unit": "x"}


async def remarks(task: Task) -> Sequence[Remark]:
    return await OwnEvaluator(open_sandbox()).remarks(task, {}, seed=5, say=lambda _: None)


def last_bad(found: Sequence[Remark]) -> Remark:
    return [one for one in found if one.level == "bad"][-1]


@pytest.mark.parametrize(
    ("bench", "said", "mend"),
    [
        ("", "printed nothing", "standard output"),
        ("print('{\"cost\": NaN}')", "cost is nan", "finite number"),
        ("print('{\"cost\": 1}')\nprint('{\"cost\": 2}')", "printed twice", "once"),
        ("print('it took 3 seconds')", "no line is a JSON object", "cost"),
        ("import time\ntime.sleep(60)", "longer than the 4 s", "wall_s"),
        ("raise SystemExit(5)", "exit code 5", "settings.measure"),
        ("print('{\"cost\": -1}')", "no ratio", "difference"),
    ],
)
async def test_a_bad_measure_is_named_with_its_mend(make_task: MakeTask, bench: str, said: str, mend: str) -> None:
    task = make_task({**SUMS, "bench.py": bench}, measure=REPORTED, wall_s={"measure": 4.0})
    bad = last_bad(await remarks(task))
    assert said in bad.said
    assert mend in bad.mend
    assert bad.ends


@pytest.mark.parametrize(
    ("settings", "files", "topic", "said", "mend"),
    [
        ({"build": "exit 3"}, {}, "build", "exit code 3", "without network"),
        (
            {"build": "python3 -c \"import urllib.request as u; u.urlopen('http://example.org')\""},
            {},
            "build",
            "looks for a network",
            "settings.mounts",
        ),
        ({"check": "false"}, {}, "check", "exit code 1", "settings.check"),
        ({"check": "sleep 60"}, {}, "check", "longer than", "wall_s"),
        ({}, {"bench.py": "import lib\nlib.total(3)\n"}, "answer", "prints nothing", "checksum"),
        ({}, {"bench.py": "import os\nprint(os.urandom(8))\n"}, "non-determinism", "differ", "measure.ignore"),
    ],
)
async def test_a_bad_command_is_named_with_its_mend(
    make_task: MakeTask, settings: Mapping[str, str], files: Mapping[str, str], topic: str, said: str, mend: str
) -> None:
    task = make_task({**SUMS, **files}, measure=TIMED, wall_s={"check": 4.0}, **settings)
    bad = last_bad(await remarks(task))
    assert bad.topic == topic
    assert said in bad.said
    assert mend in bad.mend


async def test_tests_that_pass_with_the_program_deleted_are_named(make_task: MakeTask) -> None:
    blind = {**SUMS, "tests.py": "print('fine')\n", "bench.py": "import sys\nprint(sys.argv[1], sum(range(10**6)))\n"}
    found = {one.topic: one for one in await remarks(make_task(blind, measure=TIMED, check="python3 tests.py"))}
    assert found["the program deleted"].level == "bad"
    assert "everything passes" in found["the program deleted"].said
    half = make_task({**SUMS, "tests.py": "print('fine')\n"}, measure=TIMED, check="python3 tests.py")
    (said,) = [one for one in await remarks(half) if one.topic == "the program deleted"]
    assert said.level == "bad"
    assert "only the measure notices" in said.said


async def test_a_sound_task_has_no_complaint_and_says_what_it_cannot_protect(make_task: MakeTask) -> None:
    task = make_task(SUMS, measure=TIMED, check="python3 tests.py")
    report = await examined(task, mutants=8)
    assert report.complaints == ()
    assert {one.topic for one in report.remarks} >= {"tree", "check", "answer", "noise", "time", "evidence"}
    assert any("answer for it" in one.said for one in report.remarks if one.topic == "not protected")
    early = next(one for one in report.remarks if one.topic == "an early end")
    assert "the measure notices" in early.said
    assert report.mutation is not None
    assert report.mutation.counted >= 3
    assert report.mutation.score is not None
    assert report.rehearsal is not None
    assert report.rehearsal.held


async def examined(task: Task, mutants: int) -> IntegrityReport:
    extent = Extent(mutants=mutants, seed=3)
    return await examine_task(OwnEvaluator(open_sandbox()), task, {}, extent, say=lambda _: None)


async def test_mutants_that_a_weak_check_misses_are_survivors(make_task: MakeTask) -> None:
    weak = {"lib.py": "def total(n):\n    s = 0\n    for i in range(n):\n        s += i * i + 7\n    return s\n"}
    files = {**SUMS, **weak, "tests.py": "import lib\n", "bench.py": "import lib, sys\nprint(sys.argv[1])\n"}
    report = await examined(make_task(files, measure=TIMED, check="python3 tests.py"), mutants=6)
    assert report.mutation is not None
    assert report.mutation.score is not None
    assert report.mutation.score < 0.5
    assert any("mutation score" in one for one in report.complaints)


async def test_a_program_that_plays_a_module_is_adapted_to_two_boxes(make_task: MakeTask) -> None:
    files = {
        "lib.py": "def guess(x):\n    return 1.5 * x\n",
        "bench.py": "import json, sys\nimport lib\nprint(json.dumps({'cost': lib.guess(1 + int(sys.argv[1]) % 7)}))\n",
    }
    task = make_task(files, measure=REPORTED)
    (said,) = [one for one in await remarks(task) if one.topic == "evidence"]
    assert said.said.startswith("self-reported")
    assert "--adapt" in said.mend
    words = await OwnEvaluator(open_sandbox()).adapt(task, seed=2)
    assert "proxy = True" in words
    adapted = load_task(task.root)
    assert read_settings(adapted).measure.proxy
    assert (task.root / "task.toml.before").is_file()
    (now,) = [one for one in await remarks(adapted) if one.topic == "evidence"]
    assert (now.level, now.said.split(":")[0]) == ("ok", "isolated")
    assert "already" in await OwnEvaluator(open_sandbox()).adapt(adapted, seed=2)


async def test_a_program_that_times_itself_is_adapted_to_our_clock(make_task: MakeTask) -> None:
    bench = (
        "import sys, time, lib\nbegan = time.perf_counter()\nsaid = lib.total(300000 + int(sys.argv[1]) % 99)\n"
        "print('sum', said)\nprint('took: %.6f s' % (time.perf_counter() - began))\n"
    )
    library = "class Sum:\n    pass\n\ndef total(n):\n    return sum(i * i for i in range(n))\n\nmaker = Sum\n"
    measure = {
        **REPORTED,
        "metric": "seconds",
        "unit": "s",
        "read": "pattern",
        "pattern": r"took: ([\d.]+) s",
    }
    task = make_task({"lib.py": library, "bench.py": bench}, measure=measure)
    await OwnEvaluator(open_sandbox()).adapt(task, seed=2)
    adapted = read_settings(load_task(task.root)).measure
    assert (adapted.kind, adapted.ignore) == ("time", (measure["pattern"],))


async def test_a_shape_that_cannot_be_adapted_says_why(make_task: MakeTask) -> None:
    files = {
        "lib.py": "class Policy:\n    def guess(self, x):\n        return x\n",
        "bench.py": "import json\nimport lib\nprint(json.dumps({'cost': 1 + lib.Policy().guess(2)}))\n",
    }
    task = make_task(files, measure={**REPORTED, "command": "python3 bench.py"})
    with pytest.raises(UserError, match="plain data"):
        await OwnEvaluator(open_sandbox()).adapt(task, seed=2)


async def test_a_tree_that_has_changed_or_is_not_committed_is_named(make_task: MakeTask) -> None:
    task = make_task(SUMS, measure=TIMED)
    commit_and_change(task.root.parent)
    found = await remarks(task)
    assert any(one.level == "bad" and "changed since" in one.said for one in found)
    assert any(one.topic == "a dirty tree" and "lib.py" in one.said for one in found)


def commit_and_change(tree: Path) -> None:
    for command in (
        ("init", "-q"),
        ("add", "lib.py"),
        ("-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "x"),
    ):
        subprocess.run(["git", *command], cwd=tree, check=True, capture_output=True)
    (tree / "lib.py").write_text(SUMS["lib.py"] + "# later\n")


def spoil(place: Path, content: bytes) -> None:
    place.write_bytes(content)


@pytest.mark.parametrize("content", [b"\0\1\2", b"\xff\xfe bad", b"x" * 300_000])
async def test_a_file_that_cannot_evolve_is_named(make_task: MakeTask, content: bytes) -> None:
    task = make_task(SUMS, measure=TIMED)
    spoil(task.root.parent / "lib.py", content)
    (bad,) = await remarks(task)
    assert bad.ends
    assert bad.mend
    with pytest.raises(UserError):
        OwnEvaluator(open_sandbox()).check_task(task)


async def test_an_evaluation_longer_than_the_night_is_named(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluators.own.remarks.NIGHT_S", 0.1)
    found = [one for one in await remarks(make_task(SUMS, measure=TIMED)) if one.topic == "time"]
    assert found[0].level == "bad"
    assert "longer than the night" in found[0].said
