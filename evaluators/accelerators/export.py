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
    return {
        "design.v": rename_top(text, TOP, top).encode(),
        "netlist.v": to_verilog(elaborated.netlist, top).encode(),
    }
