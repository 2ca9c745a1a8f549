"""Which of several good ones to take, as rows with words: the same for the report and the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.words import CandidateState, Direction
from nightforge.report.choosing import Axis, Choosing, Option, choose
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
    """They are weighed among the confirmed; else among the measured. Never among both."""
    choices: tuple[Choice, ...]

    @property
    def words(self) -> str:
        """What they are chosen from, in one sentence."""
        sure = "confirmed" if self.is_confirmed else "measured"
        both = f"both {self.axes[0].metric} and {self.axes[1].metric}" if len(self.axes) == 2 else "everything"
        return f"{counted(self.on_front, f'{sure} design')} that no other {sure} one beats in {both}."

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


def advise(campaign: Campaign, ideas: Sequence[Idea], trades: Sequence[Candidate]) -> Advice | None:
    """Ends, knee, and what is nearest to the best but cheaper; None where there is one answer."""
    found = _weighed(campaign, ideas, trades)
    if found is None:
        return None
    choosing, by_number, is_confirmed = found
    named = [
        ("fewest lines changed" if axis is SIZE else f"best {axis.metric}", choosing.best_in(at))
        for at, axis in enumerate(choosing.axes)
    ]
    if choosing.knee is not None:
        named.append(("knee: most of both" if len(choosing.axes) == 2 else "knee: nowhere bad", choosing.knee))
    named += _cheaper(choosing, choosing.best_in(0))
    return Advice(choosing.axes, len(choosing.front), is_confirmed, _choices(named, by_number))


def nearest_to(
    campaign: Campaign, chosen: Candidate, ideas: Sequence[Idea], trades: Sequence[Candidate]
) -> Advice | None:
    """What is nearest to this one but cheaper, in each axis; None where nothing is, or it cannot be weighed."""
    axes = front_axes(campaign, [chosen])
    values = _values(axes, chosen) if axes else None
    found = _weighed(campaign, ideas, trades, among=chosen.state)
    if found is None or values is None or found[0].axes != axes:
        return None
    choosing, by_number, is_confirmed = found
    choices = _choices(_cheaper(choosing, Option(chosen.ordinal, values), start=0), by_number)
    return Advice(axes, len(choosing.front), is_confirmed, choices) if choices else None


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


def _weighed(
    campaign: Campaign, ideas: Sequence[Idea], trades: Sequence[Candidate], *, among: CandidateState | None = None
) -> tuple[Choosing, dict[int, Candidate], bool] | None:
    """Over the confirmed where there are two of them, else over the measured: never the two mixed."""
    finalists = [one for idea in ideas for one in (idea.leader, *idea.twins)]
    sizes = {one.candidate.ordinal: float(one.lines_changed) for one in finalists}
    known = {one.ordinal: one for one in (*(each.candidate for each in finalists), *trades)}
    axes = front_axes(campaign, known.values()) or (_first(campaign), SIZE)
    pools = {
        CandidateState.CONFIRMED: [one for one in known.values() if one.state is CandidateState.CONFIRMED],
        CandidateState.MEASURED: [one for one in known.values() if one.confirmation is None],
    }
    for state, pool in pools.items():
        if among is not None and state is not among:
            continue
        options = [Option(one.ordinal, values) for one in pool if (values := _values(axes, one, sizes)) is not None]
        found = choose(axes, options)
        if found is not None:
            return found, known, state is CandidateState.CONFIRMED
    return None


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
