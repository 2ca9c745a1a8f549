"""What leaves with an exported design: the Verilog that was proved, and the gates that it became."""

from __future__ import annotations

from collections.abc import Mapping

from evaluators.accelerators.generator import is_generator, run_generator
from evaluators.accelerators.own_task import own_top, rename_top
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.rtl_flow import RtlFlow
from evaluators.accelerators.rtl_settings import TOP, read_settings
from evaluators.accelerators.static_rules import check_text
from evaluators.accelerators.verilog_text import to_verilog
from nightforge.domain.artifact import ORIGINAL, RESULT
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.errors import UserError

_WALL_S = 60.0


async def export_design(sandbox: Sandbox, flow: RtlFlow, source: str, task: Task) -> Mapping[str, bytes]:
    """`design.v` (what the program is or prints) and `netlist.v` (its gates); the top module has the user's name."""
    settings = read_settings(task)
    top = own_top(task.root) or TOP
    try:
        text = await run_generator(sandbox, source, wall_s=_WALL_S) if is_generator(source) else source
        elaborated = await flow.netlist(check_text(text, TOP), settings, wall_s=_WALL_S)
    except Refused as refused:
        raise UserError(
            f"the design does not pass any more: {refused}", where=task.name, hint="`nightforge replay` says more"
        ) from refused
    golden = task.read(settings.golden)
    return {
        ORIGINAL: rename_top(golden, TOP, top).encode(),
        RESULT: rename_top(text, TOP, top).encode(),
        "netlist.v": to_verilog(elaborated.netlist, top).encode(),
        "prove.sh": proof_script(top).encode(),
    }


def proof_script(top: str) -> str:
    """A proof with tools that have nothing of ours: yosys reads both designs, ABC compares their networks."""
    return f"""\
#!/bin/sh
# Proves that {RESULT} computes what {ORIGINAL} does, with yosys and ABC alone; `sh prove.sh netlist.v` for the gates.
# Exit status 0: proved. 1: they differ. 2: not decided (wide multipliers: `./reproduce` tries every input instead).
set -eu
cd "$(dirname "$0")"
design=${{1:-{RESULT}}}
abc=$(command -v berkeley-abc || command -v yosys-abc) || {{ echo "ABC is not installed" >&2; exit 2; }}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
blif() {{
    yosys -q -p "read_verilog -sv $1; hierarchy -check -top {top}; proc; flatten; opt -full; techmap; opt; \
clean -purge; rename -top proof; write_blif $2"
}}
blif {ORIGINAL} "$work/original.blif"
blif "$design" "$work/design.blif"
said=$("$abc" -q "cec -T ${{LIMIT_S:-300}} -C 10000000 $work/original.blif $work/design.blif" 2>&1) || true
case "$said" in
    *"NOT EQUIVALENT"*) echo "DIFFERENT: $said"; exit 1 ;;
    *"Networks are equivalent"*) echo "proved: $design computes what {ORIGINAL} does"; exit 0 ;;
    *) echo "not decided: $said"; exit 2 ;;
esac
"""
