"""Programs for `benchmarks.seeded`: each a small change of its parent, so that diffs look like diffs."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

SEED = (Path(__file__).parents[1] / "tasks" / "softmax-long" / "seed.c").read_text(encoding="utf-8")
BLOCKS = (1024, 2048, 4096, 8192, 16384, 32768, 65536)
LINES = (
    "    // nf: prefetch {n} bytes ahead\n",
    "    #pragma GCC unroll {n}\n",
    "    const int64_t stride = {n};\n",
    "    float carry_{n} = 0.0f;\n",
)


def kernel_program(chance: Random, parent: str | None) -> str:
    """The task's own seed, or the parent with a constant and a line changed."""
    if parent is None:
        return SEED
    program = re.sub(r"#define BLOCK \d+", f"#define BLOCK {chance.choice(BLOCKS)}", parent)
    lines = program.splitlines(keepends=True)
    added = [
        at
        for at, line in enumerate(lines)
        if line.startswith(("    // nf: prefetch", "    #pragma", "    float carry"))
    ]
    if len(added) > 12:
        del lines[chance.choice(added)]
    at = chance.choice(
        [place for place, line in enumerate(lines) if line.startswith("    float sum") or "for (int64_t" in line]
    )
    lines.insert(at, chance.choice(LINES).format(n=2 ** chance.randrange(12) + chance.randrange(1000)))
    return "".join(lines)


def multiplier_program(chance: Random) -> str:
    rows = "\n".join(
        f"  wire [15:0] row{bit} = b[{bit}] ? ({{8'b0, a}} << {bit}) : 16'b0;  // {chance.randrange(1 << 20):05x}"
        for bit in range(8)
    )
    order = chance.sample(range(8), 8)
    total = " + ".join(f"row{bit}" for bit in order)
    return (
        "module mul8 (\n  input  wire [7:0] a,\n  input  wire [7:0] b,\n  output wire [15:0] p\n);\n"
        f"{rows}\n  assign p = {total};\nendmodule\n"
    )


def rule_program(chance: Random) -> str:
    weights = [round(chance.uniform(0.1, 3), 2) for _ in range(3)]
    return (
        "def priority(job, machine, state):\n"
        f"    work = {weights[0]} * state.work_left(job)\n"
        f"    slack = {weights[1]} * state.slack(job)\n"
        f"    return work - slack / (1 + {weights[2]} * state.queue(machine))\n"
    )
