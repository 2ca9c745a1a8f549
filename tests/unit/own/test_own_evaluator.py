"""The evaluator of a user's own code, in a real box: honest programs, wrong ones, and those that tamper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from own_trees import SUMS, TIMED, MakeTask

from evaluators.own.bench import Bench, Staged
from evaluators.own.evaluator import OwnEvaluator, patch_of
from nightforge.domain.bundle import Bundle, format_bundle, parse_bundle
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.limits import ExecResult
from nightforge.domain.task import Task
from nightforge.domain.words import EvidenceClass, Phase
from nightforge.errors import EvaluatorFault
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

REPORTED = {"kind": "report", "command": "python3 play.py {seed}", "metric": "cost", "unit": "x"}
PLAY = """import json, random, sys
import lib
draw = random.Random(int(sys.argv[1]))
costs = [abs(lib.guess(x, (x, 1)) - 2 * x) for x in (draw.uniform(1, 9) for _ in range(20))]
print(json.dumps({"cost": sum(costs) / 20 + 1, "calls": 20}))
"""
GUESS = {"lib.py": "FACTOR = 1.5\n\ndef guess(x, pair):\n    return FACTOR * x + pair[1] * 0\n", "play.py": PLAY}
JUDGED = {
    "kind": "judge",
    "command": "python3 answer.py {seed}",
    "judge": "python3 judge.py $NF_ANSWER {seed}",
    "answers": ["out/answer.txt"],
    "metric": "error",
}
ANSWER = """import pathlib, sys
import lib
pathlib.Path("out").mkdir(exist_ok=True)
pathlib.Path("out/answer.txt").write_text(str(lib.root(int(sys.argv[1]))))
"""
JUDGE = """import json, pathlib, sys
answer, seed = float((pathlib.Path(sys.argv[1]) / "out/answer.txt").read_text()), int(sys.argv[2])
print(json.dumps({"error": 1 + abs(answer * answer - seed) / seed}))
"""
ROOTS = {"lib.py": "def root(n):\n    return n ** 0.49\n", "answer.py": ANSWER, "judge.py": JUDGE}


def program(text: str, name: str = "lib.py") -> str:
    return format_bundle(Bundle({name: text}))


async def judged(
    evaluator: OwnEvaluator, task: Task, text: str, phase: Phase = Phase.SEARCH, **more: object
) -> Evidence:
    calibration = more.get("calibration")
    assert calibration is None or isinstance(calibration, Calibration)
    return await evaluator.evaluate(program(text), task, {}, seed=11, phase=phase, calibration=calibration)


def ended(evidence: Evidence) -> tuple[str, str]:
    last = evidence.stages[-1]
    return last.stage, last.reason


async def test_a_timed_program_from_the_seed_to_a_confirmed_gain(make_task: MakeTask) -> None:
    task = make_task(SUMS, measure=TIMED, check="python3 tests.py")
    evaluator = OwnEvaluator(open_sandbox())
    evaluator.check_task(task)
    calibration = await evaluator.calibrate(task, {}, seed=1)
    assert calibration.evidence_class is EvidenceClass.ISOLATED
    assert calibration.baselines[0].metrics["gain"].value == 1.0
    seed = await judged(evaluator, task, SUMS["lib.py"], calibration=calibration)
    assert seed.passed
    assert [stage.stage for stage in seed.stages] == ["text", "build", "check", "measure"]
    faster = "def total(n):\n    return (n - 1) * n * (2 * n - 1) // 6\n"
    for phase, stage in ((Phase.SEARCH, "measure"), (Phase.CONFIRMATION, "hidden")):
        evidence = await judged(evaluator, task, faster, phase, calibration=calibration)
        assert evidence.passed, evidence.stages[-1]
        assert evidence.stages[-1].stage == stage
        assert evidence.evidence_class is EvidenceClass.ISOLATED
        gain = evidence.metrics["gain"]
        assert gain.value > 1.0
        assert evidence.metrics["cpu_s"].value < evidence.metrics["cpu_s_before"].value
    assert patch_of(task, program(faster)).startswith("diff --git a/lib.py b/lib.py\n--- a/lib.py\n")


@pytest.mark.parametrize(
    ("text", "stage", "reason"),
    [
        ("def total(n:\n", "text", "syntax_error"),
        ("def total(n):\n    return 14\n", "measure", "wrong_answer"),
        ("def total(n):\n    return sum(i for i in range(n))\n", "check", "check_failed"),
        ("import os\nos._exit(0)\n", "measure", "wrong_answer"),
        ("import sys\nsys.exit(0)\n", "measure", "wrong_answer"),
        ("print('fine')\nimport os\nos._exit(0)\n", "measure", "wrong_answer"),
        ("def total(n):\n    while n > 10:\n        pass\n    return 14\n", "measure", "run_timeout"),
        ("x = [0] * (10 ** 10)\ndef total(n):\n    return 14\n", "check", ""),
    ],
)
async def test_wrong_and_hostile_programs_end_where_they_must(
    make_task: MakeTask, text: str, stage: str, reason: str
) -> None:
    task = make_task(SUMS, measure=TIMED, check="python3 tests.py", memory_mb=256)
    evidence = await judged(OwnEvaluator(open_sandbox()), task, text)
    assert not evidence.passed
    assert evidence.stages[-1].stage == stage
    assert not reason or evidence.stages[-1].reason == reason


async def test_a_candidate_cannot_change_the_bench_for_itself(make_task: MakeTask) -> None:
    """At import it rewrites the program that measures it, and its clock; each command has the files as they were."""
    text = (
        "import pathlib, time\n"
        "for name in ('bench.py', 'tests.py'):\n"
        "    pathlib.Path(name).write_text('print(0)')\n"
        "time.process_time = time.perf_counter = lambda: 0.0\n"
        "def total(n):\n    s = 0\n    for i in range(n):\n        s += i * i\n    return s\n"
    )
    task = make_task(SUMS, measure=TIMED, check="python3 tests.py")
    evidence = await judged(OwnEvaluator(open_sandbox()), task, text)
    assert evidence.passed, evidence.stages[-1]
    assert evidence.metrics["gain"].value < 1.5


async def test_what_a_build_leaves_cannot_replace_tests_or_bench(make_task: MakeTask) -> None:
    """The evolvable file is the build's own script: the worst case."""
    build = "print('built')\n"
    files = {**SUMS, "make.py": build}
    task = make_task(files, measure=TIMED, evolve=("make.py",), build="python3 make.py", check="python3 tests.py")
    hostile = "import pathlib\nfor name in ('bench.py', 'tests.py'):\n    pathlib.Path(name).write_text('print(1)')\n"
    evidence = await OwnEvaluator(open_sandbox()).evaluate(
        program(hostile, "make.py"), task, {}, seed=3, phase=Phase.SEARCH
    )
    assert evidence.passed, evidence.stages[-1]
    assert abs(evidence.metrics["gain"].value - 1.0) < 0.5


async def test_other_files_blocks_and_garbage_are_refused_by_the_text_stage(make_task: MakeTask) -> None:
    task = make_task(SUMS, measure=TIMED, blocks={"lib.py": (2, 4)})
    evaluator = OwnEvaluator(open_sandbox())
    seed = task.read(task.seed)
    outside = seed.replace("def total(n)", "def total(n, m=1)")
    more = format_bundle(Bundle({**parse_bundle(seed).files, "tests.py": ""}))
    for source, reason in ((outside, "outside_evolve_block"), (more, "other_files"), ("", "not_a_program")):
        evidence = await evaluator.evaluate(source, task, {}, seed=1, phase=Phase.SEARCH)
        assert ended(evidence) == ("text", reason)
        assert evaluator.is_lasting(evidence)
    inside = seed.replace("s += i * i", "s += i ** 2")
    evidence = await evaluator.evaluate(inside, task, {}, seed=1, phase=Phase.SEARCH)
    assert evidence.passed, evidence.stages[-1]
    assert not evaluator.is_lasting(evidence)
    assert "EVOLVE-BLOCK" not in patch_of(task, inside)


async def test_a_command_without_a_seed_is_self_reported(make_task: MakeTask) -> None:
    files = {**SUMS, "bench.py": "import lib\nprint(lib.total(20000))\n"}
    task = make_task(files, measure={**TIMED, "command": "python3 bench.py"})
    evaluator = OwnEvaluator(open_sandbox())
    assert (await evaluator.calibrate(task, {}, seed=1)).evidence_class is EvidenceClass.SELF_REPORTED
    by_heart = "def total(n):\n    return 2666466670000\n"
    evidence = await judged(evaluator, task, by_heart, Phase.CONFIRMATION)
    assert evidence.passed
    assert evidence.evidence_class is EvidenceClass.SELF_REPORTED


async def test_a_seed_that_changes_nothing_is_self_reported_too(make_task: MakeTask) -> None:
    files = {**SUMS, "bench.py": "import lib\nprint(lib.total(20000))\n"}
    evaluator = OwnEvaluator(open_sandbox())
    calibration = await evaluator.calibrate(make_task(files, measure=TIMED), {}, seed=1)
    assert calibration.evidence_class is EvidenceClass.SELF_REPORTED


async def test_a_reported_number_is_shown_and_never_more(make_task: MakeTask) -> None:
    task = make_task(GUESS, measure=REPORTED)
    evaluator = OwnEvaluator(open_sandbox())
    better = await judged(evaluator, task, GUESS["lib.py"].replace("1.5", "1.9"))
    assert better.passed
    assert better.metrics["gain"].value > 1.5
    assert better.metrics["calls"].value == 20
    assert better.evidence_class is EvidenceClass.SELF_REPORTED
    liar = "import os\nprint('{\"cost\": 0.0001}', flush=True)\nos._exit(0)\n"
    lied = await judged(evaluator, task, liar, Phase.CONFIRMATION)
    assert lied.passed
    assert lied.evidence_class is EvidenceClass.SELF_REPORTED


async def test_two_boxes_take_the_lie_out_of_a_reported_number(make_task: MakeTask) -> None:
    task = make_task(GUESS, measure={**REPORTED, "proxy": True})
    evaluator = OwnEvaluator(open_sandbox())
    better = await judged(evaluator, task, GUESS["lib.py"].replace("1.5", "1.9"), Phase.CONFIRMATION)
    assert better.passed, better.stages[-1]
    assert better.evidence_class is EvidenceClass.ISOLATED
    assert better.metrics["gain"].low is not None
    assert better.metrics["gain"].low > 1.5
    for text, reason in (
        ("import os\nprint('{\"cost\": 0.0001}', flush=True)\nos._exit(0)\n", "no_answer"),
        ("def guess(x, pair):\n    raise ValueError(x)\n", "run_failed"),
        ("def guess(x, pair):\n    return float('nan')\n", "run_failed"),
        ("def guess(x, pair):\n    return open('/etc/hostname').read()\n", "run_failed"),
        ("def other(x):\n    return 1\n", "run_failed"),
        ("def guess(x, pair):\n    return object()\n", "run_failed"),
        (
            "import os\ndef guess(x, pair):\n    os.write(1, b'NF1' * 999)\n    os.write(3, b'x' * 99)\n    return 0\n",
            "no_answer",
        ),
    ):
        evidence = await judged(evaluator, task, text)
        assert ended(evidence) == ("measure", reason), (text, evidence.stages[-1].feedback)


async def test_values_cross_between_the_boxes_as_they_are(make_task: MakeTask) -> None:
    play = (
        "import json, sys\nimport lib\n"
        "said = lib.echo([1, 2.5, None, True, 'é'], {'a': (1, (2,))}, last=(3,))\n"
        "assert said == ([1, 2.5, None, True, 'é'], {'a': (1, (2,))}, (3,)), said\n"
        "assert lib.LIMITS == {'x': [1, (2, 3)]}\nassert not hasattr(lib, 'absent')\n"
        "print(json.dumps({'cost': 1 + int(sys.argv[1])}))\n"
    )
    lib = "LIMITS = {'x': [1, (2, 3)]}\n\ndef echo(one, two, last):\n    return (one, two, last)\n"
    task = make_task({"lib.py": lib, "play.py": play}, measure={**REPORTED, "proxy": True})
    evidence = await judged(OwnEvaluator(open_sandbox()), task, lib + "# changed\n")
    assert evidence.passed, evidence.stages[-1]


async def test_a_judge_never_meets_the_candidate(make_task: MakeTask) -> None:
    task = make_task(ROOTS, measure=JUDGED)
    evaluator = OwnEvaluator(open_sandbox())
    better = await judged(evaluator, task, "def root(n):\n    return n ** 0.5\n", Phase.CONFIRMATION)
    assert better.passed, better.stages[-1]
    assert better.evidence_class is EvidenceClass.ISOLATED
    assert better.metrics["gain"].value > 1.01
    tampering = (
        "import pathlib\npathlib.Path('judge.py').write_text('print(\"{}\")'.format('{\"error\": 0.0}'))\n"
        "def root(n):\n    return n ** 0.49\n"
    )
    same = await judged(evaluator, task, tampering)
    assert same.passed
    assert same.metrics["gain"].value == pytest.approx(1.0)
    link = "import os\ndef root(n):\n    os.symlink('/etc/passwd', 'out/answer.txt')\n    os._exit(0)\n"
    assert ended(await judged(evaluator, task, link)) == ("measure", "run_failed")


async def test_a_clearly_worse_one_is_raced_out_and_the_seed_never(make_task: MakeTask) -> None:
    task = make_task(GUESS, measure=REPORTED, seeds=8, race={"after": 3})
    evaluator = OwnEvaluator(open_sandbox())
    worse = await judged(evaluator, task, GUESS["lib.py"].replace("1.5", "-3.0"))
    assert ended(worse) == ("measure", "raced_out")
    assert worse.stages[-1].feedback.count("run ") == 3
    best = await judged(evaluator, task, GUESS["lib.py"].replace("1.5", "1.99"))
    between = await evaluator.evaluate(
        program(GUESS["lib.py"].replace("1.5", "1.7")),
        task,
        {},
        seed=1,
        phase=Phase.SEARCH,
        best_score=best.metrics["gain"].value,
    )
    assert ended(between) == ("measure", "raced_out")
    assert "the best so far" in between.stages[-1].feedback
    assert (await judged(evaluator, task, GUESS["lib.py"])).passed


async def test_seeds_are_common_in_the_search_and_fresh_for_finalists(make_task: MakeTask) -> None:
    task = make_task(GUESS, measure=REPORTED)
    evaluator = OwnEvaluator(open_sandbox())
    first, second = [(await judged(evaluator, task, GUESS["lib.py"])).metrics["cost"] for _ in range(2)]
    assert first == second
    hidden = (await judged(evaluator, task, GUESS["lib.py"], Phase.CONFIRMATION)).metrics["cost"]
    assert hidden != first


async def test_a_tree_that_does_not_build_or_measure_is_a_fault_of_ours_with_words(make_task: MakeTask) -> None:
    task = make_task(SUMS, measure=TIMED, build="false")
    with pytest.raises(EvaluatorFault, match="does not build"):
        await OwnEvaluator(open_sandbox()).calibrate(task, {}, seed=1)
    broken = make_task({**SUMS, "bench.py": "raise SystemExit(3)\n"}, measure=TIMED, seeds=2)
    with pytest.raises(EvaluatorFault, match="exit code 3"):
        await OwnEvaluator(open_sandbox()).calibrate(broken, {}, seed=1)


CONNECTS = """import pathlib, socket
pathlib.Path('new').write_text('x')
try:
    socket.create_connection(('192.0.2.1', 80), 2)
except OSError:
    raise SystemExit(0)
raise SystemExit(1)
"""
WRITES = """import pathlib
place = pathlib.Path('data/big/table.txt')
assert place.read_text() == 'rows'
try:
    place.write_text('x')
except OSError:
    raise SystemExit(0)
raise SystemExit(1)
"""


async def test_no_network_and_the_users_tree_is_not_written(make_task: MakeTask) -> None:
    task = make_task({**SUMS, "tests.py": CONNECTS}, measure=TIMED, check="python3 tests.py")
    evidence = await judged(OwnEvaluator(open_sandbox()), task, SUMS["lib.py"] + "# x\n")
    assert evidence.passed, evidence.stages[-1]
    assert not (task.root.parent / "new").exists()
    assert (task.root.parent / "lib.py").read_text() == SUMS["lib.py"]


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that everyone may read, as a mount must be."""
    with TemporaryDirectory(prefix="nf-test-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        (Path(name) / "table.txt").write_text("rows")
        yield Path(name)


async def test_mounts_are_read_only_at_their_place(make_task: MakeTask, data: Path) -> None:
    files = {**SUMS, "tests.py": WRITES}
    task = make_task(files, measure=TIMED, check="python3 tests.py", mounts={"data/big": str(data)})
    evidence = await judged(OwnEvaluator(open_sandbox()), task, SUMS["lib.py"] + "# x\n")
    assert evidence.passed, evidence.stages[-1]


async def test_an_unchanged_program_that_repeats_exactly_is_not_run_beside_itself(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "lib.py": "def cost(x):\n    return 2.0 + x\n",
        "bench.py": "import json, sys\nimport lib\nprint(json.dumps({'cost': lib.cost(int(sys.argv[1]) % 7)}))\n",
    }
    measure = {"kind": "report", "command": "python3 bench.py {seed}", "metric": "cost", "unit": "x"}
    task = make_task(files, measure=measure)
    evaluator = OwnEvaluator(open_sandbox())
    calibration = await evaluator.calibrate(task, {}, seed=1)
    runs: list[int] = []
    run = Bench.run

    async def counted(self: Bench, command: str, staged: Staged, **more: object) -> ExecResult:
        runs.append(1)
        return await run(self, command, staged, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Bench, "run", counted)
    source = task.read(task.seed)
    same = await evaluator.evaluate(source, task, {}, seed=1, phase=Phase.SEARCH, calibration=calibration)
    assert (same.metrics["gain"].value, len(runs)) == (1.0, 0)
    better = source.replace("2.0", "1.0")
    other = await evaluator.evaluate(better, task, {}, seed=1, phase=Phase.SEARCH, calibration=calibration)
    assert other.metrics["gain"].value > 1.0
    assert len(runs) == 3
