"""Can an RTL task's verdict be believed? Mutants of correct designs and impostors, through the candidates' own stages.

The verdict is a proof, so that what survives is either the same function, which is proved by another tool than the
one that let it pass, or a fault of ours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping, Sequence

from evaluators.accelerators.generator import is_generator
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.prove import sweep
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.rtl_flow import RtlFlow
from evaluators.accelerators.rtl_settings import TOP, RtlSettings, read_settings, task_file
from evaluators.accelerators.simulate import check_vectors
from evaluators.accelerators.static_rules import strip_comments
from evaluators.integrity.seams import Honest, Impostor
from nightforge.domain.integrity import Finding
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from tools.rtl import structures
from tools.rtl.genomes import read_generator

_ELABORATE_S = 60.0
_PROVE_S = 120.0
_SWEEP_S = 60.0
_MAKERS = {"adder": structures.adder, "multiplier": structures.multiplier}


class RtlChecker:
    """Implements `evaluators.integrity.seams.Checker`: everything but mapping, every design proved."""

    def __init__(self, sandbox: Sandbox, flow: RtlFlow, task: Task, tools: Mapping[str, str], *, seed: int) -> None:
        self._sandbox = sandbox
        self._flow = flow
        self._task = task
        self._settings = read_settings(task)
        self._tools = tools
        self._seed = seed

    async def tools(self) -> Mapping[str, str]:
        return self._tools

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        return await self._find(source, known, self._seed)

    async def recheck(self, source: str, *, seed: int) -> Finding:
        return await self._find(source, (), seed)

    async def prove_equal(self, one: str, other: str) -> str:
        """ABC's check of the two designs against each other: exhaustive trials let pass what it is asked of here."""
        engine = await self._flow.engine()
        first, second = await self._netlist(one), await self._netlist(other)
        proof = await sweep(engine, self._sandbox, first, second, _SWEEP_S)
        return "ABC cec proves both designs to be one function" if proof.is_proven else ""

    async def _netlist(self, source: str) -> Netlist:
        text = await self._flow.text(source, wall_s=_ELABORATE_S)
        return (await self._flow.netlist(text, self._settings, wall_s=_ELABORATE_S)).netlist

    async def _find(self, source: str, known: Collection[str], seed: int) -> Finding:
        began = time.perf_counter()
        try:
            netlist = await self._netlist(source)
        except Refused as refused:
            return Finding(built=False, accepted=False, stage="elaborate", reason=refused.reason, feedback=str(refused))
        build = netlist.sha256
        if build in known:
            return Finding(built=True, accepted=False, stage="elaborate", build=build)
        stage, wrong, feedback = await self._judged(netlist, seed)
        return Finding(
            built=True,
            accepted=not wrong,
            stage=stage,
            reason="wrong_output" if wrong else "",
            feedback=wrong or feedback,
            build=build,
            seconds=time.perf_counter() - began,
        )

    async def _judged(self, netlist: Netlist, seed: int) -> tuple[str, str, str]:
        """(stage, what is wrong, what else there is to say). What no proof decided counts as let through."""
        engine, golden = await self._flow.engine(), await self._flow.golden(self._task, self._settings)
        mismatch = check_vectors(engine, golden, netlist, seed=seed, count=self._settings.vectors)
        if mismatch is not None:
            return "simulate", mismatch.describe(), ""
        proof = await self._flow.proof(golden, netlist, limit_s=_PROVE_S)
        if proof.mismatch is not None:
            return "prove", proof.mismatch.describe(), ""
        return "prove", "", f"proof: {proof.kind.value}. {proof.reason}"


def honest_designs(task: Task, settings: RtlSettings) -> Sequence[Honest]:
    """The seed, the hand designs in Verilog, and the gates that those hand designs print which are genomes."""
    programs = [Honest(task.seed, task.read(task.seed))]
    for design in settings.baselines:
        text = task_file(task, design.source)
        if not is_generator(text):
            programs.append(Honest(design.source, text))
        elif (read := read_generator(text)) is not None:
            programs.append(Honest(design.source, _MAKERS[read.maker](read.genome), is_derived=True))
    return list({program.source: program for program in reversed(programs)}.values())[::-1]


def rtl_impostors(task: Task, settings: RtlSettings) -> Sequence[Impostor]:
    """What is wrong for nearly all inputs, and what is wrong for a single one."""
    first = next(port for port in settings.ports if port.direction == "input")
    ends = {port.name: f"{port.width}'d{(1 << port.width) - 1}" for port in settings.ports}
    odd = {port.name: f"{port.width}'d{0x5A96C3E1B4D2870F % (1 << port.width)}" for port in settings.ports}
    return [
        Impostor("zeros", "every output is 0", _plain(settings, "0")),
        Impostor("copied", f"every output is the input {first.name}", _plain(settings, first.name)),
        Impostor("top-bit", "the highest bit of each output is 0", _wrapped(task, settings, "", drops=True)),
        Impostor("one-corner", "wrong where all inputs are ones", _wrapped(task, settings, _all_are(settings, ends))),
        Impostor("one-vector", "wrong on one vector in between", _wrapped(task, settings, _all_are(settings, odd))),
    ]


def _head(settings: RtlSettings) -> str:
    ports = ", ".join(f"{port.direction} wire [{port.width - 1}:0] {port.name}" for port in settings.ports)
    return f"module {TOP} ({ports});"


def _outputs(settings: RtlSettings) -> list[tuple[str, int]]:
    return [(port.name, port.width) for port in settings.ports if port.direction == "output"]


def _plain(settings: RtlSettings, value: str) -> str:
    lines = [f"  assign {name} = {value};" for name, _ in _outputs(settings)]
    return "\n".join([_head(settings), *lines, "endmodule", ""])


def _all_are(settings: RtlSettings, values: Mapping[str, str]) -> str:
    inputs = [port.name for port in settings.ports if port.direction == "input"]
    return " & ".join(f"({name} == {values[name]})" for name in inputs)


def _wrapped(task: Task, settings: RtlSettings, trigger: str, *, drops: bool = False) -> str:
    """The golden model as an inner module, its outputs spoiled on the way out."""
    golden = re.sub(rf"\bmodule\s+{TOP}\b", "module nf_right", strip_comments(task_file(task, settings.golden)))
    lines, pins = [], []
    for port in settings.ports:
        inner = port.name if port.direction == "input" else f"nf_right_{port.name}"
        pins.append(f".{port.name}({inner})")
    for name, width in _outputs(settings):
        lines.append(f"  wire [{width - 1}:0] nf_right_{name};")
        spoiled = f"nf_right_{name} & {width}'d{(1 << width - 1) - 1}" if drops else f"nf_right_{name} ^ ({trigger})"
        lines.append(f"  assign {name} = {spoiled};")
    lines.append(f"  nf_right nf_inner ({', '.join(pins)});")
    return "\n".join([golden, _head(settings), *lines, "endmodule", ""])
