"""Warn of prompts whose present text no row of benchmarks/agents.jsonl was made with (`nightforge bench agents`).

Never an error: whoever has no model at hand may still change a prompt. `--strict` makes it one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from workflows.agent_bench import prompt_versions, read_rows, unmeasured_prompts

ROWS = Path(__file__).resolve().parents[1] / "benchmarks" / "agents.jsonl"


def main(rows: Path = ROWS, *, strict: bool = False) -> int:
    changed = unmeasured_prompts(read_rows(rows), prompt_versions())
    for name in changed:
        sys.stderr.write(
            f"warning: prompt {name} has changed and {rows.name} has no row with it: run `nightforge bench agents "
            f"--model NAME --file {rows}`\n"
        )
    return 1 if strict and changed else 0


if __name__ == "__main__":
    raise SystemExit(main(strict="--strict" in sys.argv[1:]))
