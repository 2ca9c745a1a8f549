"""The relations of a kernel task (`relations.py` in its folder), met by finalists on hidden shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from evaluators.integrity.relations import Broken, Relation, first_broken
from evaluators.kernels.correctness import TRUSTED_CALL_S, Allowance, Examiner, Question, relative_error
from evaluators.kernels.session import KernelFailed, KernelWorker
from evaluators.kernels.spec import Array, Dims, Floats, load_module
from nightforge.domain.task import Task
from nightforge.domain.words import Alarm
from nightforge.errors import EvaluatorFault

RELATIONS_FILE = "relations.py"
_SLACK = 2.0
"""Two answers may each be off by the tolerance."""

Arrays = dict[str, Array]
Answers = dict[str, Floats]


class Relations(Protocol):
    """A task's `relations.py`."""

    NAMES: Mapping[str, str]
    """Relation → what it says, in words."""

    def prepare(self, name: str, arrays: Mapping[str, Array]) -> None:
        """Make the data fit for the relation in place: rounded, say, so that a shift is exact."""
        ...

    def change(self, name: str, arrays: Mapping[str, Array]) -> None:
        """Turn the first question into the second, in place."""
        ...

    def expected(self, name: str, outputs: Mapping[str, Floats]) -> Mapping[str, Floats]:
        """The second answer, from the first."""
        ...


def load_relations(task: Task) -> Relations | None:
    path = task.root / RELATIONS_FILE
    return cast(Relations, load_module(path)) if path.is_file() else None


@dataclass(frozen=True)
class _Asked:
    inputs: Arrays
    """Every array that a kernel reads, inout ones included."""
    scalars: Mapping[str, float]


class RelationCheck:
    """All relations on one shape, for the reference first: what rounding does to it says what is allowed."""

    def __init__(self, examiner: Examiner, relations: Relations, allowance: Allowance) -> None:
        self._examiner = examiner
        self._relations = relations
        self._allowance = allowance

    def run(
        self,
        rng: np.random.Generator,
        dims: Dims,
        distribution: str,
        *,
        candidate: KernelWorker,
        reference: KernelWorker,
    ) -> int:
        """How many relations held; raises KernelFailed `breaks_relation` at the first that does not."""
        question = self._examiner.pose(rng, dims, distribution)
        views = self._examiner.arena.views(dims)
        posed = {name: views[name].copy() for name in self._examiner.read_arrays}
        for name in self._relations.NAMES:
            broken = self._broken(name, _Asked(posed, question.scalars), question, candidate, reference)
            if broken is not None:
                # Without the distance, which the candidate chooses and which could spell the hidden shape.
                words = f"{self._relations.NAMES[name]}: the answers are apart, at {self._examiner.describe(question)}"
                raise KernelFailed(Alarm.BREAKS_RELATION, words)
        return len(self._relations.NAMES)

    def _broken(
        self, name: str, posed: _Asked, question: Question, candidate: KernelWorker, reference: KernelWorker
    ) -> Broken | None:
        first = _Asked({key: value.copy() for key, value in posed.inputs.items()}, posed.scalars)
        self._relations.prepare(name, first.inputs)
        relation = self._relation(name)

        def ask(worker: KernelWorker) -> Callable[[_Asked], Answers]:
            return lambda asked: self._ask(worker, question.dims, asked)

        apart = _distance(ask(reference)(relation.change(first)), relation.expected(ask(reference)(first)))
        allowed = _SLACK * self._examiner.limit(question, apart)
        if not apart <= allowed:
            raise EvaluatorFault(
                f"the reference breaks the relation {name!r}: {apart:.1e} apart, allowed {allowed:.1e}",
                where=RELATIONS_FILE,
                hint="mend the relation: what it says does not follow from the task",
            )
        return first_broken([relation], first, ask=ask(candidate), distance=_distance, allowed=lambda _: allowed)

    def _relation(self, name: str) -> Relation[_Asked, Answers]:
        def change(asked: _Asked) -> _Asked:
            inputs = {key: value.copy() for key, value in asked.inputs.items()}
            self._relations.change(name, inputs)
            return _Asked(inputs, asked.scalars)

        return Relation(name, change, lambda outputs: dict(self._relations.expected(name, outputs)))

    def _ask(self, worker: KernelWorker, dims: Dims, asked: _Asked) -> Answers:
        return self._examiner.answer_to(
            worker,
            dims,
            asked.inputs,
            asked.scalars,
            timeout_s=TRUSTED_CALL_S if worker.trusted else self._allowance.call_s,
        )


def _distance(actual: Answers, expected: Answers) -> float:
    return max(relative_error(actual[name], expected[name]) for name in expected)


def hidden_shapes(shapes: Sequence[Dims], *, most: int = 2) -> Sequence[Dims]:
    """The largest of those that are checked: enough to relate, cheap enough for each finalist."""
    return sorted(shapes, key=lambda dims: -sum(dims.values()))[:most]
