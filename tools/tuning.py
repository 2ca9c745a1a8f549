"""Declared tunables: `nf: tune NAME in {8,16,32}` in a comment of any language, searched by Optuna.

The comment stands before (or on the line of) what carries the value: `#define NAME 16`, `NAME = 16`, or, for the name
`nf-flags`, the header line `nf-flags: ...`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING

from nightforge.domain.team import Draft, OperatorContext, Program
from nightforge.domain.words import OperatorKind

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

MAX_DRAFTS = 16
SHORT = 8
"""Choices that are walked through place by place."""
_DECLARATION = re.compile(
    r"(?://|#|/\*|\*|--|;|%|<!--)[ \t]*nf:[ \t]*tune[ \t]+"
    r"(?P<name>[A-Za-z_][\w-]*)[ \t]+in[ \t]*\{(?P<choices>[^{}\n]*)\}"
)
_VALUE = r"""(?:"[^"\n]*"|'[^'\n]*'|[^\s;,()"'#]+)"""
_FLAGS_HEADER = re.compile(
    r"^[ \t]*(?://|#|/\*|\*)[ \t]*nf-flags:[ \t]*(?P<value>[^\n*]*?)[ \t]*(?:\*/)?[ \t]*$", re.MULTILINE
)
FLAGS = "nf-flags"
TPE = "tune.tpe"


@dataclass(frozen=True)
class Tunable:
    """A declared parameter; `start`..`end` are the characters of the source that hold its value."""

    name: str
    choices: tuple[str, ...]
    value: str
    start: int
    end: int


def parse_tunables(source: str) -> tuple[Tunable, ...]:
    """All declarations that have a carrier and at least two choices; the first of a name counts.

    A `#define` that nothing below it uses is dead and left out: another value would be the same program.
    """
    found: dict[str, Tunable] = {}
    for match in _DECLARATION.finditer(source):
        name = match["name"]
        choices = tuple(dict.fromkeys(" ".join(part.split()) for part in match["choices"].split(",") if part.strip()))
        carrier = _carrier(source, match)
        if name not in found and len(choices) > 1 and carrier is not None:
            start, end = carrier
            found[name] = Tunable(name, choices, " ".join(source[start:end].split()), start, end)
    return tuple(found.values())


def _carrier(source: str, declaration: re.Match[str]) -> tuple[int, int] | None:
    name = re.escape(declaration["name"])
    if declaration["name"] == FLAGS:
        header = _FLAGS_HEADER.search(source)
        return header.span("value") if header else None
    pattern = re.compile(
        rf"(?m)^[ \t]*#[ \t]*define[ \t]+{name}[ \t]+(?P<value>{_VALUE})"
        rf"|(?<![\w.]){name}[ \t]*(?::[^=\n]*)?=(?!=)[ \t]*(?P<other>{_VALUE})"
    )
    line = source.rfind("\n", 0, declaration.start()) + 1
    for match in pattern.finditer(source, line):
        group = "value" if match["value"] is not None else "other"
        inside = match.start(group) >= declaration.start() and match.start(group) < declaration.end()
        if inside:
            continue
        start, end = match.span(group)
        used = group == "other" or re.search(rf"(?<![\w.]){name}\b", source[end:]) is not None
        return (start, end) if used else None
    return None


def with_values(source: str, values: Mapping[str, str]) -> str:
    """The source with other values of its tunables; names that it does not declare are ignored."""
    edits = sorted((t for t in parse_tunables(source) if t.name in values), key=lambda t: t.start, reverse=True)
    for tunable in edits:
        source = source[: tunable.start] + values[tunable.name] + source[tunable.end :]
    return source


def skeleton(source: str) -> str:
    """What two programs share when they differ in the values of their tunables only."""
    return with_values(source, {tunable.name: "?" for tunable in parse_tunables(source)})


class Tune:
    """The operator `tune.optuna`: neighbours of the current values first, then the sampler's proposals.

    Pure: the study is rebuilt from the scores of the parent and of `context.history`, and its sampler is seeded.
    """

    name = "tune.optuna"
    kind = OperatorKind.TUNE
    languages: frozenset[str] = frozenset()
    prior = 0.55
    structural = False

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        tunables = parse_tunables(context.parent.source)
        if not tunables:
            return ()
        current = {tunable.name: tunable.value for tunable in tunables}
        known = _known(context.parent.source, (context.parent, *context.history))
        drafts = (
            Draft(
                source=with_values(context.parent.source, values),
                operator=self.kind,
                operator_name=self.name,
                note=_note(current, values),
            )
            for values in _proposals(tunables, known, context.seed)
            if values != current
        )
        return tuple(islice(drafts, MAX_DRAFTS))


def _note(current: Mapping[str, str], values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {current[name]} -> {value}" for name, value in values.items() if value != current[name])


def _known(source: str, programs: Iterable[Program]) -> list[tuple[dict[str, str], float]]:
    """Values and score of each measured program that differs from `source` in tunables only."""
    family = skeleton(source)
    return [
        ({tunable.name: tunable.value for tunable in parse_tunables(program.source)}, program.score)
        for program in programs
        if program.score is not None and skeleton(program.source) == family
    ]


def _neighbours(tunables: Sequence[Tunable]) -> Iterator[dict[str, str]]:
    """One tunable moved along its list (to its first places when the value is not listed), numbers before flags.

    Far steps first, then half as far: the pattern search of Hooke and Jeeves (1961). In a short list all steps are of
    one place.
    """
    current = {tunable.name: tunable.value for tunable in tunables}
    most = max(_first_stride(tunable) for tunable in tunables)
    strides = [most >> halved for halved in range(most.bit_length())]
    for stride, sign in product(strides, (-1, 1)):
        for tunable in sorted(tunables, key=lambda tunable: tunable.name == FLAGS):
            if stride > _first_stride(tunable):
                continue
            listed = tunable.value in tunable.choices
            place = tunable.choices.index(tunable.value) + sign * stride if listed else max(sign, 0)
            if 0 <= place < len(tunable.choices):
                yield {**current, tunable.name: tunable.choices[place]}


def _first_stride(tunable: Tunable) -> int:
    """A power of two, at most a quarter of a long list of numbers; 1 where the list is short or has no order."""
    if len(tunable.choices) <= SHORT or not _is_ordered(tunable):
        return 1
    return 1 << (len(tunable.choices) // 4).bit_length() - 1


def _proposals(
    tunables: Sequence[Tunable], known: Sequence[tuple[dict[str, str], float]], seed: int
) -> Iterator[dict[str, str]]:
    """Each distinct, not yet measured assignment once: neighbours, then TPE."""
    seen = {tuple(values[t.name] for t in tunables) for values, _ in known}
    for values in _neighbours(tunables):
        key = tuple(values[t.name] for t in tunables)
        if key not in seen:
            seen.add(key)
            yield values
    import optuna  # half a second that only a tuning campaign pays

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space: dict[str, optuna.distributions.BaseDistribution] = {
        t.name: optuna.distributions.CategoricalDistribution(t.choices) for t in tunables
    }
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=6))
    for values, score in known:
        if all(values[t.name] in t.choices for t in tunables):
            study.add_trial(optuna.trial.create_trial(params=values, distributions=space, value=score))
    for _ in range(4 * MAX_DRAFTS):
        trial = study.ask(fixed_distributions=space)
        chosen = {t.name: str(trial.params[t.name]) for t in tunables}
        key = tuple(chosen.values())
        if key not in seen:
            seen.add(key)
            yield chosen


class SampledTune:
    """The operator `tune.tpe`: Optuna's sampler alone, without our neighbours; the baseline of that name.

    Lists of numbers are searched by place, so that the sampler knows their order. Pure, as `Tune` is.
    """

    name = TPE
    kind = OperatorKind.TUNE
    languages: frozenset[str] = frozenset()
    prior = 0.0
    structural = False
    on_request = True
    """Only where it is asked for by name: the search at large has `tune.optuna`."""

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        tunables = parse_tunables(context.parent.source)
        if not tunables:
            return ()
        current = {tunable.name: tunable.value for tunable in tunables}
        known = _known(context.parent.source, (context.parent, *context.history))
        return tuple(
            Draft(
                source=with_values(context.parent.source, values),
                operator=self.kind,
                operator_name=self.name,
                note=_note(current, values),
            )
            for values in islice(_sampled(tunables, known, context.seed), MAX_DRAFTS)
        )


def _sampled(
    tunables: Sequence[Tunable], known: Sequence[tuple[dict[str, str], float]], seed: int
) -> Iterator[dict[str, str]]:
    """What TPE proposes after the measured ones, each new assignment once."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    space = {tunable.name: _axis(tunable) for tunable in tunables}
    for values, score in known:
        if all(values[t.name] in t.choices for t in tunables):
            places = {t.name: _place(t, values[t.name]) for t in tunables}
            study.add_trial(optuna.trial.create_trial(params=places, distributions=space, value=score))
    seen = {tuple(values[t.name] for t in tunables) for values, _ in known}
    for _ in range(4 * MAX_DRAFTS):
        params = study.ask(fixed_distributions=space).params
        chosen = {t.name: t.choices[params[t.name]] if _is_ordered(t) else str(params[t.name]) for t in tunables}
        key = tuple(chosen.values())
        if key not in seen:
            seen.add(key)
            yield chosen


def _axis(tunable: Tunable) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if _is_ordered(tunable):
        return IntDistribution(0, len(tunable.choices) - 1)
    return CategoricalDistribution(tunable.choices)


def _place(tunable: Tunable, value: str) -> int | str:
    return tunable.choices.index(value) if _is_ordered(tunable) else value


def _is_ordered(tunable: Tunable) -> bool:
    """Its choices are numbers that rise or fall."""
    try:
        numbers = [float(choice) for choice in tunable.choices]
    except ValueError:
        return False
    return numbers == sorted(numbers) or numbers == sorted(numbers, reverse=True)
