"""Proof that a candidate computes what the golden model does: every input tried, or ABC's equivalence check.

Few enough input bits (32; 20 without a compiler) are tried exhaustively: multipliers, on which satisfiability solvers
fail from 12 bits on, take seconds. Wider designs go to ABC's `cec` (SAT sweeping over the miter of both networks;
Mishchenko et al., "Improvements to combinational equivalence checking", ICCAD 2006), which does not depend on how many
inputs there are, but on how alike the structures are. Whatever a tool says against a candidate is computed again here.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from enum import StrEnum
from threading import Event

from evaluators.accelerators.engine import NetlistEngine
from evaluators.accelerators.netlist import Netlist, Port
from evaluators.accelerators.simulate import Mismatch, mismatch_at
from nightforge.domain.limits import MIB, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.errors import EvaluatorFault
from sandbox.platform import find_tool

DEFAULT_LIMIT_S = 120.0
ABC_NAMES = ("berkeley-abc", "yosys-abc")
_CONFLICTS = 10_000_000
_PATTERN = re.compile(r"\bi\[(\d+)\](?:@0)?=([01])\b")
_WHOLE_PATTERN = "miter /job/golden.blif /job/cand.blif; iprove; write_cex -n pattern"
_GRACE_S = 5.0


class ProofClass(StrEnum):
    """How it is known that a candidate is right."""

    EXHAUSTIVE = "exhaustive"
    """Every input was tried."""
    CEC = "cec"
    """ABC's combinational equivalence check."""
    NONE = "none"
    """It is not known: such a candidate is measured at most, never confirmed."""


@dataclass(frozen=True)
class Proof:
    """`mismatch` set: the candidate is wrong, and how. Class `none` without one: `reason` says why nothing is known."""

    kind: ProofClass
    reason: str = ""
    mismatch: Mismatch | None = None
    seconds: float = 0.0

    @property
    def is_proven(self) -> bool:
        return self.kind is not ProofClass.NONE and self.mismatch is None


async def prove(
    engine: NetlistEngine,
    sandbox: Sandbox,
    golden: Netlist,
    candidate: Netlist,
    *,
    limit_s: float = DEFAULT_LIMIT_S,
    threads: int = 1,
) -> Proof:
    """Decide whether both netlists are one function; ports must agree (ValueError). At most `limit_s` of wall time.

    EvaluatorFault when ABC breaks, or names a difference that is none.
    """
    if golden.input_bits != candidate.input_bits or golden.output_bits != candidate.output_bits:
        raise ValueError("the ports of golden model and candidate differ")
    started = time.perf_counter()
    if golden.input_bits <= engine.exhaustive_bits:
        found = await _exhaustive(engine, golden, candidate, limit_s, threads)
    else:
        found = await sweep(engine, sandbox, golden, candidate, limit_s)
    return Proof(found.kind, found.reason, found.mismatch, time.perf_counter() - started)


async def _exhaustive(
    engine: NetlistEngine, golden: Netlist, candidate: Netlist, limit_s: float, threads: int
) -> Proof:
    stop = Event()
    deadline = time.monotonic() + limit_s

    def is_late() -> bool:
        return stop.is_set() or time.monotonic() > deadline

    try:
        number = await asyncio.to_thread(engine.find_difference, golden, candidate, is_late=is_late, threads=threads)
    except TimeoutError:
        tried = f"trying all 2^{golden.input_bits} inputs"
        return Proof(ProofClass.NONE, f"proof_timeout: {tried} took longer than {limit_s:g} s")
    except asyncio.CancelledError:
        stop.set()
        raise
    if number is None:
        return Proof(ProofClass.EXHAUSTIVE, f"all 2^{golden.input_bits} inputs")
    return Proof(ProofClass.EXHAUSTIVE, mismatch=_certain(engine, golden, candidate, number))


async def sweep(engine: NetlistEngine, sandbox: Sandbox, golden: Netlist, candidate: Netlist, limit_s: float) -> Proof:
    """ABC's equivalence check, however few inputs there are."""
    abc = next((name for name in ABC_NAMES if find_tool(name)), None)
    if abc is None:
        return Proof(ProofClass.NONE, "no_prover: ABC is not installed (apt-get install berkeley-abc)")
    files = {"golden.blif": _plain(golden).encode(), "cand.blif": _plain(candidate).encode()}
    limits = Limits(wall_s=limit_s + _GRACE_S, cpu_s=max(1, int(limit_s + _GRACE_S)), memory_bytes=4096 * MIB)
    command = f"cec -T {max(1, int(limit_s))} -C {_CONFLICTS} /job/golden.blif /job/cand.blif"
    result = await sandbox.run([abc, "-q", command], files=files, limits=limits)
    said = result.stdout.decode("utf-8", "replace")
    if "Networks are NOT EQUIVALENT" in said:
        # cec shows the inputs of one output only: the miter's own counterexample has all of them.
        again = await sandbox.run([abc, "-q", _WHOLE_PATTERN], files=files, limits=limits, outputs=("pattern",))
        pattern = _PATTERN.findall(again.outputs.get("pattern", b"").decode("utf-8", "replace"))
        number = sum(int(value) << int(index) for index, value in dict(pattern).items())
        return Proof(ProofClass.CEC, mismatch=_certain(engine, golden, candidate, number))
    if "Networks are equivalent" in said and result.ok:
        return Proof(ProofClass.CEC, "ABC cec")
    late = {ExitReason.WALL_LIMIT, ExitReason.CPU_LIMIT}
    if result.reason in late or "UNDECIDED" in said.upper():
        return Proof(ProofClass.NONE, f"proof_timeout: ABC cec did not decide within {limit_s:g} s")
    if result.reason is ExitReason.MEMORY_LIMIT:
        return Proof(ProofClass.NONE, "proof_memory: ABC cec took more than 4 GiB")
    errors = result.stderr.decode("utf-8", "replace")
    if result.reason is ExitReason.SIGNALLED or (result.exit_code or 0) > 128:
        return Proof(ProofClass.NONE, "prover_crashed: ABC cec crashed on this pair")
    raise EvaluatorFault(f"ABC cec said nothing that is known: {(said + errors)[-500:]}", where=abc)


def _certain(engine: NetlistEngine, golden: Netlist, candidate: Netlist, number: int) -> Mismatch:
    found = mismatch_at(engine, golden, candidate, number)
    if found.expected == found.got:
        raise EvaluatorFault("the prover names a difference that the simulator does not see", where=golden.sha256[:12])
    return found


def _plain(netlist: Netlist) -> str:
    """BLIF with one input port `i` and one output port `o`: no name of a candidate's reaches the prover."""
    inputs = Port("i", tuple(net for port in netlist.inputs for net in port.bits))
    outputs = Port("o", tuple(net for port in netlist.outputs for net in port.bits))
    return Netlist((inputs,), (outputs,), netlist.gates).to_blif("proof")
