"""Verilog to the gate netlist: lint and synthesis in one box, then every check of `yosys_json`.

A text that is gates already (bitwise operators, reductions, comparisons, `?:`) becomes the netlist as it stands:
synthesis would merge and reorder its gates before the mapper sees them, so that a small change of the text would
reach the mapper as a large one, or not at all. Sums, products, tables and the like are synthesised.

Nothing of the candidate's text goes further than this. x constants that synthesis itself makes (branches that cannot
be reached) become 0 right after the processes are gone, so that no later step may use them as don't-cares; what is
left undriven stays undriven and is refused.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from evaluators.accelerators import fallback, toolchain
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.yosys_json import PortSpec, YosysModule, netlist_of
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault

LATENESS = 6.0
"""A stage's limit is one of CPU time; on a busy machine so many times as much may pass by the clock."""
_MEMORY_BYTES = 1024 * MIB
_FEEDBACK_CHARS = 3000
_LINT_LINES = 12
_GATES = """
read_verilog -sv -noautowire -mem2reg /job/design.v
hierarchy -check -top {top}
proc
flatten
check -noinit
setundef -zero
write_rtlil /box/design.il
opt_clean
simplemap
setattr -unset hdlname
write_json /box/gates.json
"""
"""Every check of drivers is made here, of all designs. What `simplemap` can make of a cell is a gate per bit of it."""
# What `synth -flatten` of yosys does, less its steps for state machines, memories and registers, and without
# `opt -undriven`, which would let an output that is never assigned be anything.
_SYNTHESIS = """
read_rtlil /box/design.il
opt_expr
opt_clean
opt -nodffe -nosdff
wreduce
peepopt
opt_clean
alumacc
share
opt
opt -fast -full
opt -fine
techmap
setundef -zero
opt -fast
abc -script +strash;dretime;map
opt -fast
clean
setattr -unset hdlname
write_json /box/netlist.json
"""
_IS_MORE = r'"type": "(\$[a-z]|\$_[A-Z0-9]*(DFF|LATCH|FF_|SR_)|[^$])'
"""A cell that is no gate, as `grep -E` finds it in gates.json: then there is synthesis to do."""
_LINT = (
    "{verilator} --lint-only -Wall -Wno-fatal -Wno-DECLFILENAME -Wno-UNUSEDSIGNAL -Wno-UNUSEDPARAM -Wno-EOFNEWLINE "
    "--top-module {top} /job/design.v 2> lint.txt; echo $? > lint.code"
)
_UNDRIVEN = re.compile(r"Wire (\S+(?: \[\d+\])?) is used but has no driver")
_SEVERAL = re.compile(r"multiple conflicting drivers for (\S+(?: \[\d+\])?):")
_KNOWN_ERRORS: Sequence[tuple[str, str, str]] = (
    (r"implicitly declared", "implicit_wire", "declare every wire; names of other files are out of reach"),
    (r"is not part of the design", "unknown_module", "define every module that you use in this one file"),
    (r"syntax error|unexpected", "syntax_error", "Verilog-2005 with `logic` is read"),
    (r"Module .* not found", "no_top", "the top module must carry the name that the brief gives"),
    (r"(?i)already exists|re-?definition", "defined_twice", "every module and name once"),
)


@dataclass(frozen=True)
class Elaborated:
    """A design as a netlist, and what the lint had to say of its text; nothing of a text of plain gates."""

    netlist: Netlist
    lint: str


async def elaborate(
    sandbox: Sandbox, text: str, ports: Sequence[PortSpec], *, top: str = "cand", wall_s: float = 20.0
) -> Elaborated:
    """`text` has passed `check_text`. Raises Refused with reason, line and mend; EvaluatorFault when tools break."""
    verilator = toolchain.find(toolchain.VERILATOR)
    lint = _LINT.format(verilator=verilator, top=top) if verilator else ": no lint"
    gates, synthesis = fallback.yosys("/job/gates.ys"), fallback.yosys("/job/synthesis.ys")
    # The lint is a third of this stage's time. Plain gates that elaborate have nothing in them that it knows better.
    steps = (
        f"export TMPDIR=/box; {shlex.join(gates.argv)}; code=$?; "
        f"if [ $code = 0 ] && ! grep -qE {shlex.quote(_IS_MORE)} gates.json; then exec mv gates.json netlist.json; fi; "
        f"{lint}; [ $code = 0 ] || exit $code; exec {shlex.join(synthesis.argv)}"
    )
    scripts = {"gates.ys": _GATES.format(top=top).encode(), "synthesis.ys": _SYNTHESIS.encode()}
    result = await sandbox.run(
        ["/bin/sh", "-c", steps],
        files={**gates.files, "design.v": text.encode(), **scripts},
        limits=Limits(wall_s=LATENESS * wall_s, cpu_s=max(1, int(wall_s)), memory_bytes=_MEMORY_BYTES),
        outputs=("netlist.json", "lint.txt", "lint.code"),
    )
    said = result.outputs.get("lint.txt", b"").decode("utf-8", "replace")
    _refuse_limits(result, wall_s)
    _refuse_lint(said, result.outputs.get("lint.code", b"0"))
    content = result.outputs.get("netlist.json")
    if not result.ok or not content:
        raise _explained(result)
    _refuse_drivers(result.stderr.decode("utf-8", "replace"), top, said)
    try:
        return Elaborated(netlist_of(_module(content, top), ports), _shown(said))
    except Refused as refused:
        lines = _shown(said)
        raise Refused(refused.reason, f"{refused.feedback}\n{lines}".strip(), refused.outcome) from refused


def _module(content: bytes, top: str) -> YosysModule:
    try:
        whole = cast(Mapping[str, Mapping[str, YosysModule]], json.loads(content))
        return whole["modules"][top]
    except (ValueError, KeyError) as error:
        raise EvaluatorFault(f"yosys wrote no netlist of {top}: {error}", where="netlist.json") from error


def _refuse_limits(result: ExecResult, wall_s: float) -> None:
    if result.reason in {ExitReason.WALL_LIMIT, ExitReason.CPU_LIMIT}:
        raise Refused(
            "synthesis_timeout",
            f"turning the text into gates took longer than {wall_s:.0f} s: fewer or smaller loops, tables, powers",
            Outcome.TIMEOUT,
        )
    if result.reason is not ExitReason.EXITED:
        how = f"signal {result.signal}" if result.reason is ExitReason.SIGNALLED else result.reason.value
        raise Refused("synthesis_stopped", f"yosys was stopped by {how}: write the function in a plainer way")


def _refuse_lint(said: str, code: bytes) -> None:
    errors = [line for line in said.splitlines() if line.startswith("%Error") and "Exiting due to" not in line]
    if code.strip() not in (b"", b"0") and errors:
        raise Refused("lint_error", _shown(said))


def _refuse_drivers(warnings: str, top: str, said: str) -> None:
    """What `check` saw before anything was optimised: later steps may take an undriven bit for a constant."""
    for pattern, reason, what, mend in (
        (_UNDRIVEN, "undriven", "never assigned", "drive every bit that is used"),
        (_SEVERAL, "several_drivers", "driven more than once", "one driver for every wire"),
    ):
        names = [re.sub(rf"^{top}\.|\\| ", "", name) for name in pattern.findall(warnings)]
        if names:
            shown = ", ".join(list(dict.fromkeys(reversed(names)))[:8])
            raise Refused(reason, f"{what}: {shown}; {mend}\n{_shown(said)}".strip())


def _shown(said: str) -> str:
    """Errors and warnings with their lines, without the pictures and advice."""
    lines = [line for line in said.splitlines() if re.match(r"%(Error|Warning)", line) and "Exiting due" not in line]
    return "\n".join(line.replace("/job/", "") for line in lines[:_LINT_LINES])[:_FEEDBACK_CHARS]


def _explained(result: ExecResult) -> Refused:
    said = (result.stderr + b"\n" + result.stdout).decode("utf-8", "replace").replace("/job/", "")
    errors = [line.strip() for line in said.splitlines() if "ERROR" in line] or [said.strip()[-500:]]
    words = "\n".join(errors)[:_FEEDBACK_CHARS]
    if result.exit_code is not None and result.exit_code > 128:
        return Refused(
            "synthesis_stopped", f"yosys crashed (signal {result.exit_code - 128}): write it in a plainer way"
        )
    if re.search(r"Can't open (input )?file|not found", words) and "abc" in words:
        raise EvaluatorFault(f"yosys cannot run abc inside the box: {words}", hint="install berkeley-abc")
    for pattern, reason, mend in _KNOWN_ERRORS:
        if re.search(pattern, words):
            return Refused(reason, f"{words}\n{mend}")
    return Refused("not_synthesisable", f"{words}\nwrite `assign`, `always @*`, functions and generate loops")
