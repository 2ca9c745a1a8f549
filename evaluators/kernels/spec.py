"""The `settings` table of a kernel task, validated; and the task's own Python, loaded."""

from __future__ import annotations

import importlib.util
import os
import tomllib
from collections.abc import Mapping
from math import exp, log, prod
from pathlib import Path
from typing import Annotated, Literal, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from nightforge.catalogue import describe_validation
from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind
from nightforge.errors import EvaluatorFault, UserError

Floats = NDArray[np.float32]
Array = NDArray[np.generic]
"""A buffer of any element type."""
Dims = Mapping[str, int]
STAGES = ("parse", "compile", "gate", "smoke", "correctness", "quick", "full")
HIDDEN_FILE = "hidden.toml"
_DRAWING_WORD = 4
"""Keeps the generator of shapes apart from that of the data."""


_ELEMENT_TYPES: Mapping[str, type[np.generic]] = {"float32": np.float32, "int32": np.int32, "int64": np.int64}
C_ELEMENTS = {"float32": "float", "int32": "int32_t", "int64": "int64_t"}


class Argument(Frozen):
    """One 8-byte field of the kernel's argument block, in the order of the C struct."""

    name: str
    kind: Literal["input", "output", "inout", "scratch", "int64", "float64"]
    """`scratch`: memory that the kernel may use as it likes; found full of NaN, never looked at."""
    count: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\+\d+)?$")], ...] = ()
    """Buffers: the dimensions whose product is the number of elements; `rows+1` is one more than a dimension."""
    element: Literal["float32", "int32", "int64"] = "float32"
    """Buffers: the type of the elements. Whole numbers are for inputs only."""

    @property
    def is_buffer(self) -> bool:
        return self.kind in {"input", "output", "inout", "scratch"}

    @property
    def is_written(self) -> bool:
        return self.kind in {"output", "inout", "scratch"}

    @property
    def is_answer(self) -> bool:
        return self.kind in {"output", "inout"}

    @property
    def is_read(self) -> bool:
        return self.kind in {"input", "inout"}

    @property
    def dtype(self) -> np.dtype[np.generic]:
        return np.dtype(_ELEMENT_TYPES[self.element])

    @property
    def dimensions(self) -> frozenset[str]:
        """What a shape must say for this argument: the dimensions of a buffer, a whole number by its own name."""
        if self.kind == "int64":
            return frozenset({self.name})
        return frozenset(term.partition("+")[0] for term in self.count)

    def elements(self, dims: Dims) -> int:
        return prod(_size(term, dims) for term in self.count)

    def bytes(self, dims: Dims) -> int:
        return self.elements(dims) * self.dtype.itemsize


def _size(term: str, dims: Dims) -> int:
    name, _, more = term.partition("+")
    return dims[name] + int(more or 0)


class Work(Frozen):
    """Arithmetic operations of one call: `operations` for each combination of the named dimensions."""

    operations: Annotated[float, Field(gt=0)]
    each: Annotated[tuple[str, ...], Field(min_length=1)]


_MARGIN = 1.25
"""Sums of the same length in another order are off by about as much as the reference's."""
_BEYOND = 3.0
"""The ceiling gives way by so much at most, and is still far below bfloat16: no reference is refused by its own error,
and one that is further off is no reference."""


class Tolerance(Frozen):
    """Allowed error, relative to the output's scale: `factor` x the reference's own error on the same data.

    Never below `floor`, which grows in proportion to the summed elements beyond `floor_elements` (rounding of a plain
    float32 sum is systematic where the terms are alike, and one lucky draw of the reference must not reject an
    honest kernel); never above `ceiling`, which bfloat16 does not reach, unless the reference itself is a little
    beyond it: no candidate is asked for more than the opponent gives on the same data.
    """

    factor: float = 4.0
    floor: float = 1e-6
    floor_elements: int = 4096
    ceiling: float = 1e-3
    scatter: float = 1e-6
    """Floor for the error beyond what all elements share: it does not grow with the number of elements."""

    def scatter_limit(self, reference_scatter: float) -> float:
        return min(self.ceiling, max(self.scatter, self.factor * reference_scatter))

    def limit(self, reference_error: float, elements: int) -> float:
        floor = self.floor * max(1.0, elements / self.floor_elements)
        limit = min(self.ceiling, max(floor, self.factor * reference_error))
        return max(limit, min(_BEYOND * self.ceiling, _MARGIN * reference_error))


class BaselineSpec(Frozen):
    """An opponent: a C file through the candidate's own build, or a Python module through the same protocol."""

    name: str
    title: str
    source: str
    language: Literal["c", "python"] = "c"
    package: str = ""
    """Python: the package that must be installed."""
    environment: dict[str, str] = Field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Flags (as in /proc/cpuinfo) without which the processor cannot run it: then it is named as missing."""
    every: Annotated[int, Field(ge=1)] = 3
    """Timed in each n-th round only; the reference is timed in every round."""
    in_search: bool = True
    """False: too slow to start for each candidate; measured at calibration and confirmation."""


class Timing(Frozen):
    distributions: Annotated[tuple[str, ...], Field(min_length=1)]
    quick_rounds: Annotated[int, Field(ge=1)] = 3
    rounds: Annotated[int, Field(ge=6)] = 15
    calibration_rounds: Annotated[int, Field(ge=6)] = 15
    processes: Annotated[int, Field(ge=1)] = 5
    """Processes per timed kernel, which take turns."""
    drop_factor: float = 1.5
    """Dropped in `quick` when this many times slower than the best so far."""
    flush_bytes: int = 96 * 1024 * 1024
    roof_slack: float = 0.9
    """Less than this share of the roof's time is impossible: rejected, never celebrated."""


class Hidden(Frozen):
    """`hidden.toml`: what neither people's goals nor agents see; used by confirmation only."""

    correctness: Annotated[tuple[dict[str, int], ...], Field(min_length=1)]
    timed: tuple[dict[str, int], ...] = ()
    drawn: dict[str, tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]] = Field(default_factory=dict)
    """Dimension → least and largest size of shapes that each confirmation draws anew, small ones as often as large:
    nobody can know these, not even from the file."""
    draws: Annotated[int, Field(ge=0)] = 3

    @model_validator(mode="after")
    def _ordered(self) -> Hidden:
        for name, (low, high) in self.drawn.items():
            if low > high:
                raise ValueError(f"drawn.{name}: {low} is above {high}")
        return self

    def draw(self, seed: int) -> tuple[dict[str, int], ...]:
        """Shapes for one confirmation; the same seed gives the same."""
        rng = np.random.default_rng([seed & (2**64 - 1), _DRAWING_WORD])
        return tuple(
            {name: round(exp(rng.uniform(log(low), log(high)))) for name, (low, high) in self.drawn.items()}
            for _ in range(self.draws if self.drawn else 0)
        )


class KernelSettings(Frozen):
    symbol: str = "nf_kernel"
    clock: ClockKind = ClockKind.CPU_MS
    arguments: Annotated[tuple[Argument, ...], Field(min_length=1)]
    primary: dict[str, int]
    smoke: Annotated[tuple[dict[str, int], ...], Field(min_length=1)]
    correctness: Annotated[tuple[dict[str, int], ...], Field(min_length=1)]
    distributions: Annotated[tuple[str, ...], Field(min_length=1)]
    repeats: dict[str, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict)
    """Distribution → draws per shape where one is not enough, as for a rare element that may be anywhere."""
    tolerance: Tolerance = Tolerance()
    timing: Timing
    baselines: Annotated[tuple[BaselineSpec, ...], Field(min_length=1)]
    reference: str
    """Name of the baseline that gains are counted against; also the control, in processes of its own. It has to run
    everywhere."""
    opponents: tuple[str, ...] = ()
    """Baselines that may be stronger on some machine or at some shape: the fastest of these and the reference, as
    measured at calibration, is the reference of the campaign."""
    roof: str
    """A C kernel that does the least that the task allows; its outputs are not checked."""
    roof_kind: Literal["memory", "arithmetic"] = "memory"
    """What the roof does: move the least bytes, or the least arithmetic at the rate that the processor has."""
    work: tuple[Work, ...] = ()
    """Arithmetic of the plain algorithm; with `traffic_bytes` the roofline model. Empty: not worth counting."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Set by `on_threads` from the plan's parameter, never by a task."""

    @model_validator(mode="after")
    def _typed(self) -> KernelSettings:
        for argument in self.arguments:
            if argument.is_buffer != bool(argument.count):
                raise ValueError(f"argument {argument.name!r}: buffers have a count, scalars have none")
            if argument.element != "float32" and argument.kind != "input":
                raise ValueError(f"argument {argument.name!r}: only inputs hold {argument.element}")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> KernelSettings:
        if self.clock is ClockKind.DEVICE_MS:
            raise ValueError("clock device_ms needs an accelerator; a CPU kernel has cpu_ms or wall_ms")
        if not self.outputs:
            raise ValueError("no argument is an output")
        if unknown := set(self.repeats) - set(self.distributions):
            raise ValueError(f"repeats: {sorted(unknown)} are not among the distributions")
        for shape in (self.primary, *self.smoke, *self.correctness):
            if not self.dimensions <= set(shape):
                raise ValueError(f"shape {shape} lacks one of the dimensions {sorted(self.dimensions)}")
        if unknown := {name for work in self.work for name in work.each} - self.dimensions:
            raise ValueError(f"work: {sorted(unknown)} are not dimensions")
        if self.reference_baseline.needs:
            raise ValueError(f"reference {self.reference!r} has to run on every processor")
        for name in (self.reference, *self.opponents):
            if not self.baseline(name).in_search:
                raise ValueError(f"{name!r} may be what gains are counted against: it has to be measured in a search")
        return self

    @property
    def dimensions(self) -> set[str]:
        return {name for argument in self.arguments for name in argument.dimensions}

    @property
    def reference_baseline(self) -> BaselineSpec:
        return self.baseline(self.reference)

    def baseline(self, name: str) -> BaselineSpec:
        for baseline in self.baselines:
            if baseline.name == name:
                return baseline
        raise ValueError(f"reference {name!r} is not among the baselines")

    def against(self, reference: str) -> KernelSettings:
        """The same with one of the opponents as reference."""
        return self if reference == self.reference else self.model_copy(update={"reference": reference})

    def on_threads(self, threads: int) -> KernelSettings:
        """The track of so many threads. With more than one the CPU time of a process says nothing: the wall scores."""
        if threads == self.threads:
            return self
        return self.model_copy(update={"threads": threads, "clock": ClockKind.WALL_MS})

    @property
    def buffers(self) -> tuple[Argument, ...]:
        return tuple(argument for argument in self.arguments if argument.is_buffer)

    @property
    def outputs(self) -> tuple[Argument, ...]:
        return tuple(argument for argument in self.arguments if argument.is_answer)

    def traffic_bytes(self, dims: Dims) -> int:
        """Least memory traffic: each input read once, each output written once."""
        times = {"input": 1, "output": 1, "inout": 2, "scratch": 0}
        return sum(times[argument.kind] * argument.bytes(dims) for argument in self.buffers)

    def operations(self, dims: Dims) -> float:
        """Arithmetic operations of one call by the plain algorithm; 0 where the task does not count them."""
        return sum(work.operations * prod(dims[name] for name in work.each) for work in self.work)

    def largest_output(self, dims: Dims) -> int:
        return max(argument.elements(dims) for argument in self.outputs)


class Inputs(Protocol):
    """A task's `inputs.py`."""

    def fill(
        self, rng: np.random.Generator, dims: Dims, distribution: str, arrays: Mapping[str, Array]
    ) -> dict[str, float]:
        """Write new data into every input and inout array; return the scalar arguments by name."""
        ...

    def change_one(self, rng: np.random.Generator, dims: Dims, arrays: Mapping[str, Array]) -> None:
        """Change one random element so that the answer changes well beyond the tolerance."""
        ...


class Oracle(Protocol):
    """A task's `oracle.py`."""

    def expected(
        self, dims: Dims, arrays: Mapping[str, Array], scalars: Mapping[str, float], out: Mapping[str, Floats]
    ) -> None:
        """Compute in float64, round once into `out`. `arrays` holds the inputs as they were before the call."""
        ...


@runtime_checkable
class WeighingOracle(Protocol):
    """An oracle that also says how large an error each element may be measured against.

    For sums of products that is the sum of the products' sizes, |A||B|: rounding is in proportion to it, however much
    of the result cancels; for rows of their own sizes it is the row's. Elements of magnitude 0 must be exact.
    """

    def magnitudes(
        self, dims: Dims, arrays: Mapping[str, Array], scalars: Mapping[str, float], out: Mapping[str, Floats]
    ) -> None:
        """Called right after `expected` on the same data, whose answers `out` holds: replace them by magnitudes."""
        ...


def read_settings(task: Task) -> KernelSettings:
    """The validated table; a UserError names file and field."""
    try:
        settings = KernelSettings.model_validate(task.settings)
    except ValidationError as error:
        raise UserError(
            describe_validation(error), where=f"{task.root / 'task.toml'} [settings]", hint="see docs/tasks.md"
        ) from error
    for name in ("inputs.py", "oracle.py", settings.roof, *(baseline.source for baseline in settings.baselines)):
        if not (task.root / name).is_file():
            raise UserError(f"needs {name!r}, which is not a file in the folder", where=str(task.root))
    where = str(task.root / "task.toml")
    threads = next((parameter for parameter in task.parameters if parameter.name == "threads"), None)
    if threads is None:
        raise UserError("a kernel task declares the parameter 'threads'", where=where)
    if threads.default != 1 or any(not isinstance(choice, int) or choice < 1 for choice in threads.choices or (0,)):
        raise UserError(
            "parameters.threads: whole numbers from 1 on", where=where, hint="default = 1, choices = [1, 2]"
        )
    if settings.threads != 1:
        raise UserError("settings.threads: it is the plan that declares threads", where=where, hint="remove the line")
    return settings


def read_hidden(task: Task) -> Hidden:
    path = task.root / HIDDEN_FILE
    try:
        return Hidden.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"no {HIDDEN_FILE}: nothing could be confirmed", where=str(task.root)) from None
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise UserError(str(error), where=str(path)) from error


def check_parameters(task: Task, parameters: Mapping[str, Scalar]) -> None:
    """A value that is not on offer is a UserError."""
    offered = {parameter.name: parameter for parameter in task.parameters}
    for name, value in parameters.items():
        parameter = offered.get(name)
        if parameter is None:
            raise UserError(
                f"the task has no parameter {name!r}", where=task.name, hint=f"it has: {', '.join(offered)}"
            )
        if parameter.choices and value not in parameter.choices:
            choices = ", ".join(str(choice) for choice in parameter.choices)
            raise UserError(f"{name} = {value} is not on offer", where=task.name, hint=f"choose one of: {choices}")


def declared_threads(task: Task, parameters: Mapping[str, Scalar]) -> int:
    """How many threads the plan declares. UserError for more than there are processors to keep for them."""
    check_parameters(task, parameters)
    threads = int(parameters.get("threads", 1))
    if threads > len(processors()):
        raise UserError(
            f"threads = {threads}, and this process may use {len(processors())} of the machine's processors",
            where=task.name,
            hint="declare fewer threads, or measure on a larger machine",
        )
    return threads


def processors() -> tuple[int, ...]:
    """Those that this process may use, ascending."""
    return tuple(sorted(os.sched_getaffinity(0)))


def primary_dims(settings: KernelSettings, task: Task, parameters: Mapping[str, Scalar]) -> dict[str, int]:
    """The timed shape after the plan's parameters; a value that is not on offer is a UserError."""
    check_parameters(task, parameters)
    offered = {parameter.name: parameter for parameter in task.parameters}
    dims = dict(settings.primary)
    for name in dims:
        if name in offered:
            dims[name] = int(parameters.get(name, offered[name].default))
    return dims


def load_problem(task: Task) -> tuple[Inputs, Oracle]:
    """The task's own trusted modules. They run in our process: a task folder is code that its user chose."""
    return cast(Inputs, load_module(task.root / "inputs.py")), cast(Oracle, load_module(task.root / "oracle.py"))


def load_module(path: Path) -> object:
    """Trusted Python of a task's folder, not kept in `sys.modules`. EvaluatorFault when it fails on import."""
    spec = importlib.util.spec_from_file_location(f"nightforge_task_{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise EvaluatorFault("cannot be loaded as Python", where=str(path))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise EvaluatorFault(f"fails on import: {error}", where=str(path)) from error
    return module
