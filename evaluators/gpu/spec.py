"""The `settings` table of a GPU task, validated."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from evaluators.gpu.occupancy import ARCHITECTURES
from evaluators.kernels.spec import Argument, Tolerance
from nightforge.catalogue import describe_validation
from nightforge.domain.base import Frozen
from nightforge.domain.task import Task
from nightforge.errors import UserError

LANGUAGES = {"cuda": ("parse", "compile", "figures"), "triton": ("parse", "interpret", "correctness")}
"""Language → its stages."""


class GpuSettings(Frozen):
    entry: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
    """CUDA: the kernel, `extern "C" __global__`. Triton: the Python function that launches, `launch(x, y, …)`."""
    architecture: str = "sm_80"
    """CUDA: what is compiled for and what the occupancy is of."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 256
    """CUDA: of a block."""
    dynamic_shared_bytes: Annotated[int, Field(ge=0)] = 0
    arguments: tuple[Argument, ...] = ()
    """Triton: in the order in which `launch` takes them."""
    shapes: tuple[dict[str, int], ...] = ()
    """Triton: all of them are interpreted; small ones, an interpreter is a thousand times slower than a device."""
    distributions: tuple[str, ...] = ()
    tolerance: Tolerance = Tolerance()

    @model_validator(mode="after")
    def _consistent(self) -> GpuSettings:
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"architecture {self.architecture!r} is unknown; known: {', '.join(ARCHITECTURES)}")
        needed = {name for argument in self.arguments for name in argument.dimensions}
        for shape in self.shapes:
            if lacking := needed - set(shape):
                raise ValueError(f"shape {shape} lacks {sorted(lacking)}")
        return self


def read_settings(task: Task) -> GpuSettings:
    """The validated table; a UserError names file and field."""
    where = str(task.root / "task.toml")
    try:
        settings = GpuSettings.model_validate(task.settings)
    except ValidationError as error:
        raise UserError(describe_validation(error), where=f"{where} [settings]", hint="see docs/gpu.md") from error
    if task.language not in LANGUAGES:
        raise UserError(f"language {task.language!r} is not for a GPU", where=where, hint=f"{' or '.join(LANGUAGES)}")
    if task.language == "triton":
        if not (settings.arguments and settings.shapes and settings.distributions):
            raise UserError("arguments, shapes and distributions are needed", where=where, hint="see docs/gpu.md")
        for name in ("inputs.py", "oracle.py"):
            if not (task.root / name).is_file():
                raise UserError(f"needs {name!r}, which is not a file in the folder", where=str(task.root))
    return settings
