"""Every hostile kernel of tests/hostile/kernels through `nightforge eval`: which stage rejected it, and why.

`make cheats` writes the table of docs/security.md; `PYTHONPATH=.:tests python -m attack_pack.cheats` prints it. The
task is the shipped one on a row of a million with the C baselines alone, so that the whole takes minutes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attack_pack.table import put_into
from attack_pack.verdicts import REPOSITORY

KERNELS = REPOSITORY / "tests" / "hostile" / "kernels" / "softmax"
TASK = REPOSITORY / "tasks" / "softmax-long"
BEGIN = "<!-- written by make cheats -->"
END = "<!-- end of what make cheats writes -->"
ROW = 1 << 20
HONEST = "00_honest"


def small_task(folder: Path) -> Path:
    """The shipped task with a shorter row and no Python baseline."""
    target = folder / "softmax-long"
    subprocess.run(["/bin/cp", "-r", str(TASK), str(target)], check=True)
    file = target / "task.toml"
    text = file.read_text(encoding="utf-8").replace("16777216", str(ROW))
    head, *baselines = text.split("[[settings.baselines]]")
    kept = [baseline for baseline in baselines if 'language = "python"' not in baseline]
    file.write_text("[[settings.baselines]]".join([head, *kept]), encoding="utf-8")
    return target


def evaluate(kernel: Path, task: Path) -> dict[str, object]:
    """What `nightforge eval --confirm` says of one program, as JSON."""
    line = [sys.executable, "-m", "nightforge", "eval", str(kernel), "--task", str(task), "--confirm", "--json"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=REPOSITORY, env=dict(os.environ), check=False)
    if done.returncode != 0:
        return {"state": "error", "stage": "", "reason": done.stderr.strip().splitlines()[-1][:200], "feedback": ""}
    found: dict[str, object] = json.loads(done.stdout)
    return found


def what(kernel: Path) -> str:
    """The first comment of the source."""
    text = kernel.read_text(encoding="utf-8")
    found = re.search(r"/\*(.*?)\*/", text, re.DOTALL)
    return " ".join(found[1].replace("*", " ").split()) if found else ""


def table(kernels: Sequence[Path], results: Sequence[dict[str, object]]) -> str:
    rows = ["| cheat | what it does | state | stage | reason | gain over the reference |", "|" + " --- |" * 6]
    for kernel, result in zip(kernels, results, strict=True):
        cells = [f"`{kernel.stem}`", what(kernel), str(result["state"]), str(result["stage"]), str(result["reason"])]
        metrics = result.get("metrics")
        gain = metrics.get("speedup", {}).get("value") if isinstance(metrics, dict) else None
        cells.append("-" if gain is None else f"{gain:.2f}")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def main() -> int:
    only = {word for word in sys.argv[1:] if not word.startswith("--")}
    kernels = [kernel for kernel in sorted(KERNELS.glob("*.c")) if not only or kernel.stem in only]
    with tempfile.TemporaryDirectory(prefix="nf-cheats-") as name, ThreadPoolExecutor(max_workers=2) as threads:
        Path(name).chmod(0o755)
        task = small_task(Path(name))
        results = list(threads.map(lambda kernel: evaluate(kernel, task), kernels))
    text = table(kernels, results)
    sys.stdout.write(text + "\n")
    if "--write" in sys.argv:
        document = REPOSITORY / "docs" / "security.md"
        document.write_text(put_into(document.read_text(encoding="utf-8"), text, BEGIN, END), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
