"""The offline coder: chooses among programs that make programs, in place of a language model.

It keeps no state that a resumed campaign would miss: what was tried follows from the context and from `is_known`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Protocol, TypeGuard, runtime_checkable

from nightforge import registry
from nightforge.domain.base import Scalar
from nightforge.domain.bundle import LANGUAGE
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.team import Draft, NoDraft, Operator, OperatorContext, Program, StepContext
from nightforge.domain.words import OperatorKind
from nightforge.errors import UserError
from tools.sections import Sectioned

STACK = "rewrite.stack"
_log = logging.getLogger(__name__)
_CACHED_PROPOSALS = 512
_DEFAULT_PRIOR = 0.3
_MOST_LAYERS = 4
"""Of one repeated operator in a stack."""
_RELIEF = 4.0
"""Factor on the weight of operators that are meant for what the evidence names as the bottleneck."""
_BY_SCORES = frozenset({OperatorKind.TUNE, OperatorKind.CROSSOVER})
_LEAST_WEIGHT = 0.01
"""Of an operator whose prior is 0: used on request alone, and then drawn as any other."""


# What an operator may add to `Operator`:
# `prior: float`, how promising it is, and `structural: bool`, whether it gains mostly in combination.
# `on_request: bool`, where there is one and it is true: used only where a step names the operator.
# `relieves: frozenset[str]`, where there is one: values of `nightforge.domain.profile.Bottleneck` that it is for.
# `repeated: bool`, where there is one and it is true: in a stack it is laid on until it finds no further place.
# `with_threads: bool`, where there is one and it is true: used only where the plan declares more than one thread.
# `begins: bool`, where there is one and it is true: all its proposals come before anything else of their parent's.
# `draws: bool`, where there is one and it is true: its proposals follow from the context's seed, so that it has
# other ones for each candidate and none of them comes first.


@runtime_checkable
class Mends(Protocol):
    """What an operator may add: it puts right what a stage refused, from the words of the refusal."""

    def mend(self, source: str, failure: StageEvidence) -> Sequence[Draft]: ...


def load_operators() -> tuple[Operator, ...]:
    """Everything registered under `nightforge.operators`: an object, or a class without arguments; and the same again
    for programs of several files."""
    loaded: list[Operator] = []
    for name in registry.registered(registry.OPERATORS):
        found = registry.load(registry.OPERATORS, name)
        made: object = found() if isinstance(found, type) else found
        if not _is_operator(made):
            raise UserError(
                f"{name!r} is not an operator",
                where=registry.OPERATORS,
                hint="it needs name, kind, languages and propose(context); see nightforge.domain.team.Operator",
            )
        loaded.append(made)
    return (*loaded, *for_sections(loaded))


def _is_operator(made: object) -> TypeGuard[Operator]:
    return all(hasattr(made, name) for name in ("name", "kind", "languages", "propose"))


def for_sections(operators: Sequence[Operator]) -> Iterator[Operator]:
    """Those of one language, for programs of several files. What is of any language takes their whole text as it is;
    crossover does both, because it knows languages of its own."""
    for operator in operators:
        fits = operator.languages or operator.kind is OperatorKind.CROSSOVER
        if fits and LANGUAGE not in operator.languages and not getattr(operator, "only_for_kernels", False):
            yield Sectioned(operator, prior_of(operator), structural=is_structural(operator))


def prior_of(operator: Operator) -> float:
    return float(getattr(operator, "prior", _DEFAULT_PRIOR))


def is_structural(operator: Operator) -> bool:
    return bool(getattr(operator, "structural", False))


def relieves(operator: Operator, context: StepContext) -> bool:
    """It is meant for the bottleneck that the judge named of the parent."""
    verdict = context.parent.verdict
    limit = verdict.limit if verdict is not None else None
    return limit is not None and limit.value in getattr(operator, "relieves", ())


def suits(operator: Operator, language: str, parameters: Mapping[str, Scalar]) -> bool:
    """It is for the language; and what puts work on threads is of no use where the plan declares one."""
    speaks = not operator.languages or language.lower() in operator.languages
    return speaks and (parameters.get("threads", 1) != 1 or not getattr(operator, "with_threads", False))


def is_free(operator: Operator) -> bool:
    """Used without being asked for by name."""
    return not getattr(operator, "on_request", False)


def draws(operator: Operator) -> bool:
    return bool(getattr(operator, "draws", False))


def is_fresh(operator: Operator) -> bool:
    """What it proposes follows from more than the parent's text: the seed, or the scores of others."""
    return draws(operator) or operator.kind in _BY_SCORES


def proposals(operator: Operator, context: OperatorContext) -> tuple[Draft, ...]:
    """The operator's proposals; none, and a line in the log, when it raises: a fault in one must not end a campaign."""
    try:
        return tuple(operator.propose(context))
    except Exception:
        _log.exception("operator %s failed on candidate %d and is passed over", operator.name, context.parent.ordinal)
        return ()


class OfflineCoder:
    """Implements `nightforge.domain.team.Coder` with registered operators.

    Order on a parent: all structural rewrites stacked on one another (their gains often appear only together), the
    same without one of them each (one may cost more than it gains), then the first proposal of every operator, those
    first that are meant for the bottleneck that the judge named, else by prior; then the rest, drawn at random with
    weights that grow with an operator's prior, its fitness for the bottleneck and its share among the good programs,
    and fall with what it already tried on this parent.
    Composition needs no rule of its own: the best program becomes the parent, and the same order starts anew on it.
    """

    def __init__(self, operators: Sequence[Operator] | None = None) -> None:
        chosen = tuple(operators) if operators is not None else load_operators()
        self._operators = tuple(sorted(chosen, key=lambda operator: (-prior_of(operator), operator.name)))
        self._menders = [operator for operator in self._operators if isinstance(operator, Mends)]
        self._proposals = lru_cache(maxsize=_CACHED_PROPOSALS)(self._propose)

    def _propose(self, position: int, source: str, language: str) -> tuple[Draft, ...]:
        context = OperatorContext(language=language, parent=Program(ordinal=0, source=source), seed=0)
        return proposals(self._operators[position], context)

    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        skip = context.draft
        for place, operators in enumerate(self._choices(context)):
            # Instead of what was asked for comes anything else by chance, not the best of ours: a policy that mutates
            # at random must not be handed our own order.
            among = self._drawn if place or context.step.by_chance else self._ordered
            for draft in among(context, operators, random, is_known):
                if is_known(draft.source):
                    continue
                if skip == 0:
                    return draft
                skip -= 1
        return NoDraft(reason="nothing_to_try", feedback="every operator's proposals on this parent are known")

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        """What the refusal says how to put right; else another form: the operator's next proposals, a thinner stack."""
        if context.broken is None:
            return NoDraft(reason="nothing_to_try", feedback="there is no broken program to mend")
        for mended in self._mended(context, context.broken):
            if not is_known(mended.source):
                return mended
        operators = self._applicable(context)
        source = context.broken.source
        for draft in self._weaker(context, operators, source):
            if not is_known(draft.source) and draft.source != source:
                return draft.model_copy(
                    update={"operator": OperatorKind.REPAIR, "note": f"instead of what failed: {draft.note}"}
                )
        return NoDraft(reason="nothing_to_try", feedback="no weaker form of the rewrite is left")

    def _mended(self, context: StepContext, broken: Program) -> Iterator[Draft]:
        if context.failure is None:
            return
        for operator in self._menders:
            if suits(operator, context.language, context.parameters):
                yield from operator.mend(broken.source, context.failure)

    def _applicable(self, context: StepContext) -> tuple[Operator, ...]:
        return tuple(
            operator
            for operator in self._operators
            if suits(operator, context.language, context.parameters)
            and (operator.name == context.step.operator_name or is_free(operator))
        )

    def _choices(self, context: StepContext) -> Iterator[tuple[Operator, ...]]:
        """The operator that was named, then those of the kind that was asked for; all when these have nothing left."""
        operators, step = self._applicable(context), context.step
        named = tuple(operator for operator in operators if operator.name == step.operator_name)
        of_kind = tuple(operator for operator in operators if step.operator is None or operator.kind is step.operator)
        for index, chosen in enumerate(groups := (named, of_kind, operators)):
            if chosen and chosen not in groups[:index]:
                yield chosen

    def _ordered(
        self, context: StepContext, operators: Sequence[Operator], random: Random, is_known: Callable[[str], bool]
    ) -> Iterator[Draft]:
        yield from self._stacks(context, operators)
        for operator in sorted(operators, key=lambda operator: not relieves(operator, context)):
            if not draws(operator):
                drafts = self._drafts(context, context.parent, operator)
                yield from drafts if getattr(operator, "begins", False) else drafts[:1]
        yield from self._drawn(context, operators, random, is_known)

    def _drawn(
        self, context: StepContext, operators: Sequence[Operator], random: Random, is_known: Callable[[str], bool]
    ) -> Iterator[Draft]:
        if len(operators) == 1:  # nothing to weigh, so that no look at all that is known is needed
            yield from self._mixed(list(self._drafts(context, context.parent, operators[0])), context, random)
            return
        rest: dict[str, list[Draft]] = {}
        weights: dict[str, float] = {}
        # What has something new for every candidate is asked once it is chosen: asking costs time.
        unasked = {operator.name: operator for operator in operators if is_fresh(operator)}
        makers = [program.operator_name for program in (context.parent, *context.inspirations)]
        for operator in operators:
            drafts = () if operator.name in unasked else self._drafts(context, context.parent, operator)
            left = [draft for draft in drafts if not is_known(draft.source)]
            if left or operator.name in unasked:
                rest[operator.name] = self._mixed(left, context, random)
                tried, made = len(drafts) - len(left), makers.count(operator.name)
                promise = max(prior_of(operator), _LEAST_WEIGHT) * (_RELIEF if relieves(operator, context) else 1)
                # What has something new for ever is not slowed by what it tried, so success must not feed on itself.
                favour = 1 + made / len(makers) if operator.name in unasked else (1 + made) / (1 + tried)
                weights[operator.name] = promise * favour
        while rest:
            names = list(rest)
            name = random.choices(names, [weights[name] for name in names])[0]
            if name in unasked:
                made_now = list(self._drafts(context, context.parent, unasked.pop(name)))
                rest[name] = self._mixed(made_now, context, random)
            if rest[name]:
                yield rest[name].pop(0)
                weights[name] /= 2
            if not rest[name]:
                del rest[name]

    @staticmethod
    def _mixed(drafts: list[Draft], context: StepContext, random: Random) -> list[Draft]:
        """An operator's own order is one of promise, too: a step by chance does not follow it."""
        return random.sample(drafts, len(drafts)) if context.step.by_chance else drafts

    def _drafts(self, context: StepContext, parent: Program, operator: Operator) -> tuple[Draft, ...]:
        # A model of scores sees new history each time; a rewrite depends on the parent alone and is computed once.
        uses_scores = operator.kind in _BY_SCORES
        others = context.inspirations if uses_scores else ()
        asked = OperatorContext(
            language=context.language.lower(),
            parent=Program(ordinal=parent.ordinal, source=parent.source, score=parent.score if uses_scores else None),
            partners=others,
            history=others,
            seed=context.seed if is_fresh(operator) else 0,
        )
        if is_fresh(operator):
            return proposals(operator, asked)
        return self._proposals(self._operators.index(operator), asked.parent.source, asked.language)

    def _stacks(self, context: StepContext, operators: Sequence[Operator]) -> Iterator[Draft]:
        """The whole stack, then stacks without one of its layers, the last one laid on first."""
        whole = self._stack(context, operators, leave_out=None)
        if whole is None:
            return
        yield whole
        for operator in reversed(operators):
            thinner = self._stack(context, operators, leave_out=operator.name) if is_structural(operator) else None
            if thinner is not None and thinner.source != whole.source:
                yield thinner

    def _stack(self, context: StepContext, operators: Sequence[Operator], *, leave_out: str | None) -> Draft | None:
        """The first proposal of each structural operator on top of one another; None when fewer than two apply."""
        current, names, notes = context.parent, list[str](), list[str]()
        # Threads come last: what they are given is whole loops, whatever was done inside of them.
        for operator in sorted(operators, key=lambda one: bool(getattr(one, "with_threads", False))):
            if not is_structural(operator) or operator.name == leave_out:
                continue
            for _ in range(_MOST_LAYERS if getattr(operator, "repeated", False) else 1):
                drafts = self._drafts(context, current, operator)
                if not drafts:
                    break
                current = Program(ordinal=current.ordinal, source=drafts[0].source)
                names.append(operator.name.rpartition(".")[2])
                notes.append(drafts[0].note)
        if len(notes) < (2 if leave_out is None else 1):
            return None
        note = f"{' + '.join(names)}: {'; '.join(notes)}"
        return Draft(source=current.source, operator=OperatorKind.REWRITE, operator_name=STACK, note=note)

    def _weaker(self, context: StepContext, operators: Sequence[Operator], broken: str) -> Iterator[Draft]:
        stacked = self._stack(context, operators, leave_out=None)
        if stacked is not None and stacked.source == broken:
            # What was laid on last is left out first: it stands on the others.
            for operator in reversed(operators):
                if is_structural(operator):
                    thinner = self._stack(context, operators, leave_out=operator.name)
                    if thinner is not None:
                        yield thinner
            return
        for operator in operators:
            drafts = self._drafts(context, context.parent, operator)
            if any(draft.source == broken for draft in drafts):
                yield from drafts
                return
