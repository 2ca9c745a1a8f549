"""Run `make demo` and write what it printed into README.md, between `<!-- recorded: demo -->` and `<!-- end -->`."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- recorded: demo -->\n).*?(<!-- end -->)", re.DOTALL)
SHOWN_HOME = "~/.local/share/nightforge"


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return f"{found[1].strip() if found else platform.machine()}, {os.cpu_count()} processors"


def run_demo(home: str) -> str:
    """stdout and stderr as they came; ends this program when the demo fails."""
    environment = {**os.environ, "NIGHTFORGE_HOME": home, "NO_COLOR": "1", "COLUMNS": "120"}
    done = subprocess.run(
        ["make", "--no-print-directory", "demo"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"make demo ended with {done.returncode}:\n{done.stdout}")
    return done.stdout.replace(home, SHOWN_HOME)


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        output = "\n".join(line.rstrip() for line in run_demo(home).splitlines())
    stamp = f"`make demo` on {datetime.now(UTC).date().isoformat()}, {processor()}:"
    recorded = f"{stamp}\n\n```text\n{output.strip()}\n```\n"
    text = README.read_text(encoding="utf-8")
    README.write_text(BLOCK.sub(lambda match: f"{match[1]}{recorded}{match[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
