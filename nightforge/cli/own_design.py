"""`--design`, `--top`, `--liberty`: a person's own RTL becomes a task below the home."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from nightforge.cli.output import Output
from nightforge.domain.words import SandboxChoice
from nightforge.errors import UserError

FOLDER = "tasks"


@dataclass(frozen=True)
class OwnFlags:
    design: Path | None
    top: str | None
    liberty: Path | None
    sandbox: SandboxChoice | None = None
    unsafe_local: bool = False
    offline: bool = False
    models: list[str] | None = None

    @property
    def given(self) -> bool:
        return self.design is not None or self.top is not None or self.liberty is not None

    def task_for(self, output: Output, goal: str, task: str | None) -> str | None:
        """The path of the design's task folder, or `task` where no design was given.

        UserError names the line of the design that cannot be taken.
        """
        if not self.given:
            return task
        if self.design is None or self.top is None:
            lacking = "--design FILE" if self.design is None else "--top MODULE"
            raise UserError(f"{lacking} is missing", where="--design, --top, --liberty", hint="they go together")
        if task is not None:
            raise UserError("a design of yours is its own task", where="--task, --design", hint="give one of them")
        if goal == "-" or goal.endswith((".toml", ".json")):
            raise UserError("--design goes with a goal in words", where="run", hint='as "smaller at 4 ns"')
        from evaluators.accelerators.own_design import read_design
        from evaluators.accelerators.own_task import make_task
        from nightforge.cli.reading import open_box, resolve_settings

        settings = resolve_settings({"sandbox": self.sandbox, "unsafe_local": self.unsafe_local or None}).settings
        box = open_box(settings)
        design = asyncio.run(read_design(box, self.design, self.top))
        # Models read and write the text; the offline operators know gates.
        from_gates = self.offline or not (self.models or settings.models)
        folder = make_task(design, goal, settings.home / FOLDER, liberty=self.liberty, from_gates=from_gates)
        converted = f", read through {design.converter}" if design.converter else ""
        output.note(f"{self.design}: module {self.top}, {len(design.netlist.gates)} gates{converted}; task {folder}")
        return str(folder)
