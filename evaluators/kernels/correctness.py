"""Answers against a float64 oracle, in cache-sized blocks; every call of every stage passes through here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np

from evaluators.kernels.buffers import Arena
from evaluators.kernels.session import Call, KernelFailed, KernelWorker
from evaluators.kernels.spec import Array, Dims, Floats, Inputs, KernelSettings, Oracle, WeighingOracle
from nightforge.domain.words import Outcome

_BLOCK = 1 << 15
_HUGE = 3e38
_CHANGED = 1 / 3
TRUSTED_CALL_S = 60.0
"""Limit of one call of a baseline: only a machine in trouble reaches it."""


@dataclass(frozen=True)
class Deviation:
    """How far an output lies from the oracle's, relative to its scale or to magnitudes that the oracle gives.

    Without magnitudes `error` is the larger of max|a-e| / max|e| and sum|a-e| / sum|e|: the first sees single elements,
    the second the bulk. `scatter` is what remains of the second when the part that all elements share is taken away,
    (sum|a-e| - |sum(a-e)|) / sum|e|: a rounded sum shifts all results together, coarse arithmetic scatters them.
    With magnitudes m, `error` is the larger of max(|a-e| / m) and sum|a-e| / sum m, and m stands for |e| in `scatter`.
    """

    error: float
    scatter: float


_INFINITE = Deviation(float("inf"), float("inf"))


def deviation(actual: Floats, expected: Floats, magnitudes: Floats | None = None) -> Deviation:
    """NaN or infinity anywhere makes both infinite. An all-zero expectation counts with scale 1.

    Where a magnitude is 0 the answer has to be exact: anything else is infinitely far off.
    """
    worst = total = shared = scale = weight = 0.0
    difference = np.empty(min(_BLOCK, expected.size), dtype=np.float32)
    room = np.empty_like(difference)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for start in range(0, expected.size, _BLOCK):
            block = expected[start : start + _BLOCK]
            delta, size = difference[: block.size], room[: block.size]
            np.subtract(actual[start : start + _BLOCK], block, out=delta)
            shared += float(delta.sum())
            np.abs(delta, out=delta)
            total += float(delta.sum())
            if magnitudes is None:
                np.abs(block, out=size)
                scale = max(scale, float(size.max()))
            else:
                np.copyto(size, magnitudes[start : start + _BLOCK])
                np.divide(delta, size, out=delta, where=delta != 0)
            weight += float(size.sum())
            peak = float(delta.max())
            if not np.isfinite(peak):
                return _INFINITE
            worst = max(worst, peak)
    bulk = total / (weight or 1.0)
    scale = 1.0 if magnitudes is not None else scale or 1.0
    return Deviation(max(worst / scale, bulk), max(0.0, bulk - abs(shared) / (weight or 1.0)))


def relative_error(actual: Floats, expected: Floats) -> float:
    return deviation(actual, expected).error


def unwritten(actual: Floats) -> int:
    """How many elements are still NaN."""
    return int(np.isnan(actual).sum())


@dataclass(frozen=True)
class Question:
    """One input with its answer: asked of every participant of a round."""

    dims: Dims
    distribution: str
    scalars: Mapping[str, float]
    answers: Mapping[str, Floats]
    magnitudes: Mapping[str, Floats]
    """Of the answers whose errors are not measured against their scale; empty where the oracle gives none."""


@dataclass(frozen=True)
class Answered:
    call: Call
    error: float
    scatter: float = 0.0
    missing: int = 0
    """Elements that are still NaN; counted only when the error is infinite."""


class MeasurementStopped(Exception):
    """Whoever waited for the numbers has left."""


class Allowance:
    """Time that a candidate's calls may take in a stage, together and each.

    Without the sum many calls just below the limit would hold the machine's slot for minutes and outlast the
    reference's process. Time spent in the queue for a processor is the machine's and not counted.
    """

    def __init__(self, total_s: float, call_s: float | None = None) -> None:
        self._total_s = total_s
        self._left_s = total_s
        self._call_s = total_s if call_s is None else call_s

    @property
    def call_s(self) -> float:
        """Limit of the next call."""
        if self._left_s <= 0:
            raise KernelFailed("timeout", f"its calls took more than {self._total_s:g} s together", Outcome.TIMEOUT)
        return min(self._call_s, self._left_s)

    def spend(self, call: Call) -> None:
        self._left_s -= call.own_ns / 1e9


class Examiner:
    """Makes inputs, asks workers, judges their outputs. `stop` ends the work before the next call."""

    def __init__(
        self,
        settings: KernelSettings,
        inputs: Inputs,
        oracle: Oracle,
        arena: Arena,
        stop: Event,
        hidden: Sequence[Dims] = (),
    ) -> None:
        self._stop = stop
        self._hidden = hidden
        self._settings = settings
        self._inputs = inputs
        self._oracle = oracle
        self.arena = arena
        self.read_arrays = tuple(argument.name for argument in settings.buffers if argument.is_read)
        self._inout = tuple(a.name for a in settings.buffers if a.kind == "inout")
        self._originals: dict[str, Array] = {}
        self._kept: dict[str, Floats] = {}

    def pose(self, rng: np.random.Generator, dims: Dims, distribution: str, *, change_one: bool = False) -> Question:
        """New data in every input, one element of them changed if so wanted, and the oracle's answers."""
        arrays = self.arena.views(dims)
        scalars = self._inputs.fill(rng, dims, distribution, arrays)
        if change_one:
            self._inputs.change_one(rng, dims, arrays)
        self.arena.poison_inputs(dims)
        self._originals = {name: arrays[name].copy() for name in self._inout}
        return self._answer(dims, distribution, scalars)

    def change_one(self, rng: np.random.Generator, question: Question) -> Question:
        """The same data but for one element."""
        arrays = {**self.arena.views(question.dims), **self._originals}
        self._inputs.change_one(rng, question.dims, arrays)
        return self._answer(question.dims, question.distribution, question.scalars)

    def _answer(self, dims: Dims, distribution: str, scalars: Mapping[str, float]) -> Question:
        arrays = {**self.arena.views(dims), **self._originals}
        answers = self._memory("answer", dims)
        self._oracle.expected(dims, arrays, scalars, answers)
        if not isinstance(self._oracle, WeighingOracle):
            return Question(dims, distribution, scalars, answers, {})
        magnitudes = self._memory("magnitude", dims)
        for name, answer in answers.items():
            np.copyto(magnitudes[name], answer)
        self._oracle.magnitudes(dims, arrays, scalars, magnitudes)
        return Question(dims, distribution, scalars, answers, magnitudes)

    def _memory(self, use: str, dims: Dims) -> dict[str, Floats]:
        """An array for each output, the same ones again as long as the shape stays."""
        found = {}
        for argument in self._settings.outputs:
            key, count = f"{use} {argument.name}", argument.elements(dims)
            kept = self._kept.get(key)
            if kept is None or kept.size != count:
                kept = self._kept[key] = np.empty(count, dtype=np.float32)
            found[argument.name] = kept
        return found

    def prepare(self, question: Question) -> None:
        """The state in which each participant finds the memory: outputs NaN, inout arrays as posed."""
        views = self.arena.views(question.dims)
        for name, original in self._originals.items():
            np.copyto(views[name], original)
        self.arena.arm(question.dims, keep=self._inout)

    def answer_to(
        self,
        worker: KernelWorker,
        dims: Dims,
        inputs: Mapping[str, Array],
        scalars: Mapping[str, float],
        *,
        timeout_s: float,
    ) -> dict[str, Floats]:
        """The outputs on data of the caller's own, without an oracle; writing outside the outputs raises."""
        views = self.arena.views(dims)
        for name, array in inputs.items():
            np.copyto(views[name], array)
        self.arena.arm(dims, keep=self._inout)
        if self._stop.is_set():
            raise MeasurementStopped
        self._call(worker, dims, scalars, timeout_s)
        trespass = self.arena.trespass(dims)
        if trespass:
            raise KernelFailed("out_of_bounds", trespass)
        return {name: view.copy() for name, view in self.outputs(dims).items()}

    def ask(self, worker: KernelWorker, question: Question, *, timeout_s: float) -> Answered:
        """One checked call; writing outside the outputs raises, the error is returned."""
        if self._stop.is_set():
            raise MeasurementStopped
        call = self._call(worker, question.dims, question.scalars, timeout_s)
        trespass = self.arena.trespass(question.dims)
        if trespass:
            raise KernelFailed("out_of_bounds", f"{trespass} at {self.describe(question)}")
        views = self.outputs(question.dims)
        found = [
            deviation(views[name], answer, question.magnitudes.get(name)) for name, answer in question.answers.items()
        ]
        error = max(each.error for each in found)
        missing = 0 if np.isfinite(error) else sum(unwritten(views[name]) for name in question.answers)
        return Answered(call, error, max(each.scatter for each in found), missing)

    def _call(self, worker: KernelWorker, dims: Dims, scalars: Mapping[str, float], timeout_s: float) -> Call:
        """A status or a last word could carry a hidden shape to whoever writes the next candidate: neither is shown."""
        try:
            return worker.call(dims, scalars, timeout_s=timeout_s)
        except KernelFailed as failure:
            if dims not in self._hidden:
                raise
            raise KernelFailed(failure.reason, "at a hidden shape", failure.outcome) from None

    def repeats(self, distribution: str) -> int:
        """How many draws of a distribution each shape meets."""
        return self._settings.repeats.get(distribution, 1)

    def limit(self, question: Question, reference_error: float) -> float:
        return self._settings.tolerance.limit(reference_error, self._settings.largest_output(question.dims))

    def outputs(self, dims: Dims) -> dict[str, Floats]:
        return {argument.name: self.arena.floats(argument.name, dims) for argument in self._settings.outputs}

    def judge(self, question: Question, answered: Answered, reference: Answered) -> None:
        """Raise `wrong_output` when the answer is off by more than the tolerance."""
        limit = self.limit(question, reference.error)
        scatter = self._settings.tolerance.scatter_limit(reference.scatter)
        if question.dims in self._hidden and (answered.error > limit or answered.scatter > scatter):
            # Its size, and the number of missing elements, are the candidate's to choose: they could spell the shape.
            raise KernelFailed("wrong_output", f"off by more than the tolerance at {self.describe(question)}")
        if answered.error > limit:
            missing = answered.missing
            detail = f"{missing} elements are NaN or were not written" if missing else f"error {answered.error:.2e}"
            scale = "each element's own magnitude" if question.magnitudes else "the output's scale"
            words = f"{detail} at {self.describe(question)}; allowed {limit:.1e} of {scale}"
            raise KernelFailed("wrong_output", words)
        if answered.scatter > scatter:
            raise KernelFailed(
                "wrong_output",
                f"error {answered.scatter:.2e} beyond what all elements share, at {self.describe(question)}; allowed "
                f"{scatter:.1e} of the outputs' sum: the arithmetic of the single elements is too coarse",
            )

    def describe(self, question: Question) -> str:
        """The data in words for the coder; hidden shapes stay hidden."""
        shape = ", ".join(f"{name}={value}" for name, value in question.dims.items())
        return f"{'a hidden shape' if question.dims in self._hidden else shape}, {question.distribution} data"


def examine(
    examiner: Examiner,
    candidate: KernelWorker,
    reference: KernelWorker,
    shapes: Sequence[Dims],
    distributions: Sequence[str],
    rng: np.random.Generator,
    *,
    allowance: Allowance,
) -> tuple[float, int]:
    """Every shape on every distribution; per shape the same input twice and once with one element changed.

    Other distributions are changed in one element now and then: what a sample of the data shows is not the data.
    Returns the largest error and the number of checked calls; raises KernelFailed at the first wrong one.
    """
    worst, calls = 0.0, 0
    for dims in shapes:
        for index, distribution in enumerate(distributions):
            question = examiner.pose(rng, dims, distribution)
            worst = max(worst, compare(examiner, candidate, reference, question, allowance))
            calls += 1
            if index == 0:
                # A comparison lets a stray NaN fall: it is met by what no maximum and no minimum overlooks, too.
                examiner.arena.poison_inputs(dims, _HUGE)
                first = {name: view.copy() for name, view in examiner.outputs(dims).items()}
                compare(examiner, candidate, reference, question, allowance)
                _same(examiner, first, question)
                examiner.arena.poison_inputs(dims, -_HUGE)
                changed = examiner.change_one(rng, question)
                worst = max(worst, compare(examiner, candidate, reference, changed, allowance))
                calls += 2
            elif changes_one(rng):
                changed = examiner.change_one(rng, question)
                worst = max(worst, compare(examiner, candidate, reference, changed, allowance))
                calls += 1
            for _ in range(examiner.repeats(distribution) - 1):
                again = examiner.pose(rng, dims, distribution)
                worst = max(worst, compare(examiner, candidate, reference, again, allowance))
                calls += 1
    return worst, calls


def changes_one(rng: np.random.Generator) -> bool:
    """Whether chance wants one element changed: often enough to be met, seldom enough to leave the data as it is."""
    return bool(rng.random() < _CHANGED)


def compare(
    examiner: Examiner, candidate: KernelWorker, reference: KernelWorker, question: Question, allowance: Allowance
) -> float:
    """The candidate's error on one question; raises KernelFailed when it is too large."""
    examiner.prepare(question)
    expected = examiner.ask(reference, question, timeout_s=TRUSTED_CALL_S)
    examiner.prepare(question)
    answered = examiner.ask(candidate, question, timeout_s=allowance.call_s)
    allowance.spend(answered.call)
    examiner.judge(question, answered, expected)
    return answered.error


def _same(examiner: Examiner, first: Mapping[str, Floats], question: Question) -> None:
    """The same input gives the same answer (within the floor: a kernel may use threads or atomics)."""
    floor = examiner.limit(question, 0.0)
    for name, view in examiner.outputs(question.dims).items():
        if relative_error(view, first[name]) > floor:
            words = f"two calls on one input differ in {name} at {examiner.describe(question)}"
            raise KernelFailed("not_deterministic", words)
