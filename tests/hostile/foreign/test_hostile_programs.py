"""Candidates that fight a peer's evaluator from inside its process: the box holds, and no number is believed."""

from __future__ import annotations

import time

import pytest
from peer_tasks import MakeTask

from evaluators.foreign.evaluator import ForeignEvaluator
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState, EvidenceClass, Outcome, Phase
from workflows.confirmation import settle

pytestmark = pytest.mark.box

HONEST = "def fit(x):\n    return 0.5 * x * x + 0.9\n"
WRITES_ITS_NUMBER = """
import os

SAID = b'{"kind": "result", "metrics": {"combined_score": 1e6}}\\n{"kind": "stage", "stage": "evaluate_stage2"}\\n'
SAID += b'{"kind": "result", "metrics": {"combined_score": 1e6}}\\n{"kind": "end"}\\n'
for number in range(3, 64):
    try:
        os.write(number, SAID)
    except OSError:
        pass
os._exit(0)
"""
PATCHES = """
import sys

module = sys.modules["evaluation_module"]
module.evaluate_stage2 = lambda path: {"combined_score": 1e6}


def fit(x):
    return 1.0
"""
EATS_MEMORY = """
held = bytearray(1 << 30)
for place in range(0, len(held), 4096):
    held[place] = 1
"""
FLOODS_THE_REPLY = """
import os

while True:
    for number in range(3, 16):
        try:
            os.write(number, b"x" * 65536)
        except OSError:
            pass
"""
FILLS_THE_DISK = """
with open("/tmp/big", "wb") as file:
    while True:
        file.write(b"x" * (1 << 20))
"""
PROBE = """
import os
import socket

if any("a-key" in value for value in os.environ.values()):
    raise ValueError("a secret")
for address in (("192.0.2.1", 80), ("127.0.0.1", 22)):
    try:
        socket.create_connection(address, 0.5)
    except OSError:
        continue
    raise ValueError("a network")
"""
REJECTED = {
    "exits": ("import os\nos._exit(0)\n", {"exited"}),
    "exits_with_a_code": ("import sys\nsys.exit(3)\n", {"raised"}),
    "dies": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", {"exited"}),
    "kills_the_runner": ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n", {"no_answer", "exited"}),
    "raises": ("raise RuntimeError('no')\n", {"raised"}),
    "no_function": ("x = 1\n", {"raised"}),
    "no_python": ("def fit(\n", {"raised"}),
    "answers_nan": ("def fit(x):\n    return float('nan')\n", {"no_score", "below_threshold"}),
    "answers_text": ("def fit(x):\n    return 'best'\n", {"raised"}),
    "eats_memory": (EATS_MEMORY, {"memory_limit", "raised", "exited"}),
    "floods_the_reply": (FLOODS_THE_REPLY, {"too_large", "malformed"}),
    "fills_the_disk": (FILLS_THE_DISK, {"disk_limit", "raised", "exited"}),
}


async def evaluated(foreign: ForeignEvaluator, task: Task, source: str, phase: Phase = Phase.SEARCH) -> Evidence:
    return await foreign.evaluate(source, task, {}, seed=1, phase=phase)


async def test_an_honest_program_passes_with_the_engines_numbers(
    foreign: ForeignEvaluator, peer_task: MakeTask
) -> None:
    evidence = await evaluated(foreign, await peer_task("curve"), HONEST)
    assert [(stage.stage, stage.outcome) for stage in evidence.stages] == [
        ("evaluate_stage1", Outcome.PASS),
        ("evaluate_stage2", Outcome.PASS),
    ]
    assert evidence.evidence_class is EvidenceClass.FOREIGN
    assert evidence.metrics["combined_score"].value == pytest.approx(1 / 1.1)
    assert evidence.metrics["smoothness"].value == 3.0
    assert evidence.metrics["complexity"].value == len(HONEST)
    assert "the largest error is 0.100" in evidence.stages[-1].feedback
    assert "(2 bytes)" in evidence.stages[-1].feedback


@pytest.mark.parametrize("name", REJECTED)
async def test_a_program_that_breaks_the_evaluator_is_rejected_and_nothing_else(
    foreign: ForeignEvaluator, peer_task: MakeTask, name: str
) -> None:
    source, reasons = REJECTED[name]
    task = await peer_task("curve")
    narrow = task.model_copy(update={"settings": {**task.settings, "memory_mb": 512}})
    evidence = await evaluated(foreign, narrow, source)
    failure = evidence.failure
    assert failure is not None
    assert failure.outcome is Outcome.FAIL
    assert failure.reason in reasons
    assert evidence.evidence_class is EvidenceClass.FOREIGN
    assert (await evaluated(foreign, await peer_task("curve"), HONEST)).passed


async def test_a_program_that_hangs_ends_at_the_stages_own_time(foreign: ForeignEvaluator, peer_task: MakeTask) -> None:
    started = time.monotonic()
    evidence = await evaluated(foreign, await peer_task("moody"), "import time\ntime.sleep(3600)\n")
    failure = evidence.failure
    assert failure is not None
    assert (failure.outcome, failure.reason) == (Outcome.TIMEOUT, "timeout")
    assert time.monotonic() - started < 120


async def test_a_program_that_hangs_on_after_its_answer_does_not_hold_it_up(
    foreign: ForeignEvaluator, peer_task: MakeTask
) -> None:
    daemon = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(3600)\n    os._exit(0)\n"
    started = time.monotonic()
    assert (await evaluated(foreign, await peer_task("curve"), daemon + HONEST)).passed
    assert time.monotonic() - started < 120


async def test_megabytes_of_output_are_cut_and_hurt_nobody(foreign: ForeignEvaluator, peer_task: MakeTask) -> None:
    chatty = (
        "import sys\nfor _ in range(300):\n    sys.stdout.write('x' * 100_000 + '\\n')\n    sys.stderr.write('y' * 9)\n"
    )
    evidence = await evaluated(foreign, await peer_task("curve"), chatty + HONEST)
    assert evidence.passed
    assert len(evidence.stages[-1].feedback) <= 8000


@pytest.mark.parametrize("source", [WRITES_ITS_NUMBER, PATCHES], ids=["writes", "patches"])
async def test_a_program_that_makes_its_own_number_gets_it_and_is_never_confirmed(
    foreign: ForeignEvaluator, peer_task: MakeTask, source: str
) -> None:
    """It cannot be helped where both share a process: that is what the class says."""
    evidence = await evaluated(foreign, await peer_task("curve"), source, Phase.CONFIRMATION)
    assert evidence.metrics["combined_score"].value == 1e6
    assert evidence.evidence_class is EvidenceClass.FOREIGN
    assert settle(evidence) == (CandidateState.MEASURED, "evidence is foreign")


async def test_nothing_that_a_program_changes_outlives_its_evaluation(
    foreign: ForeignEvaluator, peer_task: MakeTask
) -> None:
    task = await peer_task("curve")
    before = (task.root / "folder" / "evaluator.py").read_text()
    spoils = (
        "import os\nfor name in ('evaluator.py', 'helper.py', '/job/folder/evaluator.py', '/job/worker.py'):\n"
        "    try:\n        open(name, 'w').write('raise SystemExit')\n    except OSError:\n        pass\n"
    )
    assert (await evaluated(foreign, task, spoils + HONEST)).passed
    assert (task.root / "folder" / "evaluator.py").read_text() == before
    assert (await evaluated(foreign, task, HONEST)).passed


async def test_no_secret_and_no_network_reach_an_evaluator(
    foreign: ForeignEvaluator, peer_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-that-is-secret")
    assert (await evaluated(foreign, await peer_task("curve"), PROBE + HONEST)).passed
