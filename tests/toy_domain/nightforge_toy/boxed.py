"""The toy hill with programs that really run: Python in the sandbox, which leaves X and Y behind.

Heights lie below zero everywhere: an engine that takes 0 for a failure's score ranks failures first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.limits import MIB, ExecResult, Limits
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome, Phase
from nightforge_toy.evaluator import PEAK, ToyEvaluator

LIMITS = Limits(wall_s=5.0, cpu_s=1, memory_bytes=256 * MIB, processes=16, output_bytes=64 * 1024)
HARNESS = """\
names = {}
exec(compile(open("/job/program.py").read(), "program", "exec"), names)
import json
print(json.dumps([names["X"], names["Y"]]))
"""
HOSTILE: Mapping[str, str] = {
    "hangs": "while True:\n    pass\n",
    "sleeps": "import time\ntime.sleep(1e6)\n",
    "ignores-signals": "import signal, time\n"
    "for one in range(1, 32):\n    try:\n        signal.signal(one, signal.SIG_IGN)\n"
    "    except (OSError, ValueError):\n        pass\ntime.sleep(1e6)\n",
    "exits": "import os\nos._exit(1)\n",
    "exits-as-if-well": "import os\nos._exit(0)\n",
    "forks": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
    "leaves-a-daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        time.sleep(1e6)\n    os._exit(0)\nos.wait()\nos._exit(0)\n",
    "takes-memory": "kept = []\nwhile True:\n    kept.append(bytearray(1 << 26))\n",
    "fills-the-disk": "with open('/box/full', 'wb') as file:\n    while True:\n        file.write(bytes(1 << 20))\n",
    "makes-files": "import os\nat = 0\nwhile True:\n    os.close(os.open(f'/box/{at}', os.O_CREAT))\n    at += 1\n",
    "opens-all": "import os\nkept = []\nwhile True:\n    kept.append(os.dup(0))\n",
    "floods": "import sys\nwhile True:\n    sys.stdout.write('A' * 65536)\n",
    "claims-a-score": 'import os\nos.write(1, b\'{"height": 1e999, "passed": true}\\n\')\nos._exit(0)\n',
    "prints-no-number": "import os\nos.write(1, b'[NaN, ' + b'[' * 60000)\nos._exit(0)\n",
    "kills-everyone": "import os\nos.kill(-1, 9)\n",
    "paints-the-screen": "import sys\nsys.stderr.write('\\x1b[2J\\x1b]0;owned\\x07' * 999)\nraise SystemExit(3)\n",
    "writes-elsewhere": "for path in ('/tmp/nf-was-here', '/dev/shm/nf-was-here', '/etc/nf-was-here'):\n"
    "    try:\n        open(path, 'w').write('here')\n    except OSError:\n        pass\nraise SystemExit(3)\n",
}


def honest(x: int, y: int, words: str = "") -> str:
    return f"X = {x}\nY = {y}\n" + (f"# {words}\n" if words else "")


def height(x: int, y: int) -> float:
    return -1000.0 - (x - PEAK[0]) ** 2 - (y - PEAK[1]) ** 2


class BoxedHill(ToyEvaluator):
    """As `ToyEvaluator`, but the program runs; what it leaves is read on the trusted side, as from an enemy."""

    limits = LIMITS

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        measured = await super().calibrate(task, parameters, seed=seed)
        flat = measured.baselines[0].model_copy(update={"metrics": {"height": Metric(value=-5000.0, unit="m")}})
        return measured.model_copy(update={"baselines": (flat,), "seconds_per_evaluation": 0.1})

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        files = {"program.py": source.encode(), "harness.py": HARNESS.encode()}
        argv = ["/usr/bin/env", "python3", "-I", "-S", "/job/harness.py"]
        result = await self.sandbox.run(argv, files=files, limits=self.limits)
        await asyncio.sleep(0)
        return Evidence(tier=self.sandbox.tier, phase=phase, stages=tuple(_stages_of(result, seed)))


def _stages_of(result: ExecResult, seed: int) -> Sequence[StageEvidence]:
    if not result.ok:
        late = result.reason.value in {"wall_limit", "cpu_limit"}
        words = f"{result.reason.value}, exit code {result.exit_code}\n{result.stderr.decode(errors='replace')[-500:]}"
        outcome, reason = (Outcome.TIMEOUT, "timeout") if late else (Outcome.FAIL, "run_error")
        return [StageEvidence(stage="check", outcome=outcome, reason=reason, feedback=words, seed=seed)]
    numbers = _read(result.stdout)
    if numbers is None:
        words = "expected two whole numbers from 0 to 40"
        return [StageEvidence(stage="check", outcome=Outcome.FAIL, reason="no_numbers", feedback=words, seed=seed)]
    value = height(*numbers)
    metric = Metric(value=value, unit="m", low=value - 0.5, high=value + 0.5, samples=9)
    words = f"height {value} at {numbers}"
    ran = StageEvidence(stage="check", outcome=Outcome.PASS, duration_s=result.wall_s, seed=seed)
    return [ran, StageEvidence(stage="full", outcome=Outcome.PASS, metrics={"height": metric}, feedback=words)]


def _read(output: bytes) -> tuple[int, int] | None:
    try:
        numbers = json.loads(output.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(numbers, list) or len(numbers) != 2:
        return None
    if not all(type(number) is int and 0 <= number <= 40 for number in numbers):
        return None
    return numbers[0], numbers[1]
