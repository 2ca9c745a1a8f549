"""Which of several good ones to take, as rows with words: the same for the report and the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.words import CandidateState, Direction
from nightforge.report.choosing import Axis, Choosing, Option, choose, front_of
from nightforge.report.data import stated_metric
from nightforge.report.finalists import front_axes
from nightforge.report.grouping import Idea
from nightforge.report.text import counted, number

SIZE = Axis("lines changed", "", Direction.MIN)


@dataclass(frozen=True)
class Choice:
    """A design worth taking, and what for."""

    words: str
    candidate: Candidate
    values: tuple[float, ...]
    """One for each axis."""


@dataclass(frozen=True)
class Advice:
    axes: tuple[Axis, ...]
    on_front: int
    """Designs that no other beats in everything."""
    is_confirmed: bool
    """They are weighed among the confirmed, by the numbers of the re-measurement; else among the measured."""
    choices: tuple[Choice, ...]

    @property
    def words(self) -> str:
        """What they are chosen from, in one sentence."""
        sure = "confirmed" if self.is_confirmed else "measured"
        both = f"both {self.axes[0].metric} and {self.axes[1].metric}" if len(self.axes) == 2 else "everything"
        found = f"{counted(self.on_front, f'{sure} design')} that no other {sure} one beats in {both}"
        return f"{found}." if self.is_confirmed else f"{found}; its number counts once it is confirmed."

    def told(self) -> tuple[tuple[str, ...], ...]:
        """The choices' values as texts, row by row."""
        columns = [[one.values[at] for one in self.choices] for at in range(len(self.axes))]
        tell = [_telling(column) for column in columns]
        return tuple(tuple(say(value) for say, value in zip(tell, one.values, strict=True)) for one in self.choices)


def _telling(values: Sequence[float]) -> Callable[[float], str]:
    """As few digits as tell the values of an axis apart; three where they do."""
    if len(set(map(number, values))) == len(set(values)):
        return number
    return lambda value: f"{value:.5g}"


@dataclass(frozen=True)
class _Pool:
    """Candidates whose numbers are of one kind: re-measured, or the search's. Never the two mixed."""

    choosing: Choosing
    is_confirmed: bool
    by_number: Mapping[int, Candidate]

    def advice(self, named: Iterable[tuple[str, Option]]) -> Advice:
        choices = _choices(named, self.by_number)
        return Advice(self.choosing.axes, len(self.choosing.front), self.is_confirmed, choices)


def advise(campaign: Campaign, ideas: Sequence[Idea], trades: Sequence[Candidate]) -> tuple[Advice, ...]:
    """Ends, knee, and what is nearest to the best but cheaper; nothing where there is one answer.

    Among the confirmed first; then among the measured, where those offer what no confirmed one does.
    """
    return tuple(pool.advice(_named(pool.choosing)) for pool in _pools(campaign, ideas, trades))


def _named(choosing: Choosing) -> Iterator[tuple[str, Option]]:
    for at, axis in enumerate(choosing.axes):
        yield "fewest lines changed" if axis is SIZE else f"best {axis.metric}", choosing.best_in(at)
    if choosing.knee is not None:
        yield "knee: most of both" if len(choosing.axes) == 2 else "knee: nowhere bad", choosing.knee
    yield from _cheaper(choosing, choosing.best_in(0))


def nearest_to(
    campaign: Campaign, chosen: Candidate, ideas: Sequence[Idea], trades: Sequence[Candidate]
) -> tuple[Advice, ...]:
    """What is nearest to this one but cheaper, in each axis; nothing where it cannot be weighed.

    Its re-measured numbers are held against the confirmed, the search's against the measured.
    """
    axes, found = front_axes(campaign, [chosen]), []
    for pool in _pools(campaign, ideas, trades):
        evidence = chosen.confirmation if pool.is_confirmed else chosen.evidence
        if evidence is None or pool.choosing.axes != axes or (pool.is_confirmed and not _is_sure(chosen)):
            continue
        metrics = [evidence.metrics.get(axis.metric) for axis in axes]
        values = tuple(metric.value for metric in metrics if metric is not None)
        if len(values) == len(axes):
            found.append(pool.advice(_cheaper(pool.choosing, Option(chosen.ordinal, values), start=0)))
    return tuple(advice for advice in found if advice.choices)


def _choices(named: Iterable[tuple[str, Option]], by_number: Mapping[int, Candidate]) -> tuple[Choice, ...]:
    """One for each design, with all that it is named for, in the order of the first."""
    words: dict[int, list[str]] = {}
    values = {}
    for word, option in named:
        words.setdefault(option.ordinal, []).append(word)
        values[option.ordinal] = option.values
    return tuple(Choice("; ".join(words[at]), by_number[at], values[at]) for at in words)


def _cheaper(choosing: Choosing, chosen: Option, *, start: int = 1) -> Iterator[tuple[str, Option]]:
    for at, axis in list(enumerate(choosing.axes))[start:]:
        option = choosing.nearest_cheaper(chosen, at)
        if option is not None:
            more = axis.direction is Direction.MAX
            word = "more" if more else "fewer" if axis is SIZE else "less"
            yield f"nearest to .{chosen.ordinal} with {word} {axis.metric}", option


def _pools(campaign: Campaign, ideas: Sequence[Idea], trades: Sequence[Candidate]) -> list[_Pool]:
    finalists = [one for idea in ideas for one in (idea.leader, *idea.twins)]
    sizes = {one.candidate.ordinal: float(one.lines_changed) for one in finalists}
    known = {one.ordinal: one for one in (*(each.candidate for each in finalists), *trades)}
    fronts = front_axes(campaign, known.values())
    axes = fronts or (_first(campaign), SIZE)
    sure = [one for one in known.values() if _is_sure(one)]
    pools = []
    for is_confirmed, some in ((True, sure), (False, [one for one in known.values() if one.confirmation is None])):
        options = [Option(one.ordinal, values) for one in some if (values := _values(axes, one, sizes)) is not None]
        choosing = choose(axes, options)
        if choosing is not None:
            pools.append(_Pool(choosing, is_confirmed, known))
    if len(pools) > 1 and not (fronts and _offers_more(axes, pools[1].choosing, pools[0].choosing)):
        pools.pop()
    return pools


def _offers_more(axes: Sequence[Axis], one: Choosing, other: Choosing) -> bool:
    """Some design of the first front is beaten by none of the second."""
    return any(option in front_of(axes, [*other.front, option]) for option in one.front)


def _is_sure(one: Candidate) -> bool:
    return one.state is CandidateState.CONFIRMED


def _first(campaign: Campaign) -> Axis:
    objective = campaign.plan.objectives[0]
    return Axis(objective.metric, objective.unit, objective.direction)


def _values(axes: Sequence[Axis], one: Candidate, sizes: dict[int, float] | None = None) -> tuple[float, ...] | None:
    """As the candidate's state states them; None where one is missing."""
    values = []
    for axis in axes:
        metric = None if axis is SIZE else stated_metric(one, axis.metric)
        value = (sizes or {}).get(one.ordinal) if axis is SIZE else None if metric is None else metric.value
        if value is None:
            return None
        values.append(value)
    return tuple(values)
