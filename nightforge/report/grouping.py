"""Finalists by idea: what changed the program in the same way is one row, its twins are folded below it.

Two finalists have one idea when what they changed in the seed is alike: the runs of tokens that they added and took
away, numbers apart, by Jaccard's index (`tools.likeness`). Less likeness is asked of close relatives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from nightforge.domain.candidate import Candidate
from nightforge.domain.listing import Relative
from tools.likeness import SHINGLE, likeness, tokens_of

ALIKE = 0.6
KIN_ALIKE = 0.35
CLOSE_KIN = 3
"""Generations to a common forebear, the seed apart, within which two are relatives."""
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_NUMBER_TOKENS = ("number_literal:", "2:")
"""How C's and Python's tokens of numbers begin."""
_STEERING = ("preproc", "nf:")
"""Pragmas and directives are one token with their numbers."""

Change = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Finalist:
    candidate: Candidate
    source: str
    lines_changed: int
    """Against the seed, added and removed."""


@dataclass(frozen=True)
class Idea:
    """`leader` is the best of them; `twins` follow in their order."""

    leader: Finalist
    twins: tuple[Finalist, ...]
    trail: tuple[str, ...]
    """The operators that led to the leader, the seed's first child's first."""


def ideas_of(
    finalists: Sequence[Finalist], seed: str, language: str, family: Mapping[int, Relative]
) -> tuple[Idea, ...]:
    """Best first, as `finalists` are. `family` holds them and their forebears; who is missing has none."""
    base = _runs(seed, language)
    changes = {one.candidate.ordinal: change_of(one.source, base, language) for one in finalists}
    groups: list[list[Finalist]] = []
    for one in finalists:
        own = changes[one.candidate.ordinal]
        for group in groups:
            leader = group[0].candidate.ordinal
            is_kin = are_kin(family, leader, one.candidate.ordinal)
            if likeness(changes[leader], own) >= (KIN_ALIKE if is_kin else ALIKE):
                group.append(one)
                break
        else:
            groups.append([one])
    return tuple(
        Idea(leader=group[0], twins=tuple(group[1:]), trail=trail_of(family, group[0].candidate.ordinal))
        for group in groups
    )


def change_of(source: str, base: Change, language: str) -> Change:
    """What was added to the seed and what was taken from it, marked as such."""
    own = _runs(source, language)
    return frozenset([("+", *run) for run in own - base] + [("-", *run) for run in base - own])


def are_kin(family: Mapping[int, Relative], one: int, other: int) -> bool:
    """A forebear, the seed apart, is shared within a few generations; one may be the other's."""
    mine, theirs = (set(_forebears(family, start)) - {0} for start in (one, other))
    return bool(mine & theirs)


def trail_of(family: Mapping[int, Relative], ordinal: int) -> tuple[str, ...]:
    """Operators from the seed to this one; the same one again and again is named once, with how often."""
    names: list[str] = []
    for at in reversed(_forebears(family, ordinal, generations=len(family))):
        relative = family.get(at)
        if relative is not None and at != 0:
            names.append(relative.operator_name or "unnamed")
    trail: list[str] = []
    times: list[int] = []
    for name in names:
        if trail and trail[-1] == name:
            times[-1] += 1
        else:
            trail.append(name)
            times.append(1)
    return tuple(name if count == 1 else f"{name} ×{count}" for name, count in zip(trail, times, strict=True))


def _forebears(family: Mapping[int, Relative], ordinal: int, generations: int = CLOSE_KIN) -> list[int]:
    """Itself and its first parents, as far back as asked."""
    line = [ordinal]
    while len(line) <= generations:
        relative = family.get(line[-1])
        if relative is None or not relative.parents or relative.parents[0] in line:
            break
        line.append(relative.parents[0])
    return line


@lru_cache(maxsize=128)
def _runs(source: str, language: str) -> Change:
    """`shingles_of` without the numbers' values: what differs in them only is tuned, not thought of."""
    tokens = [_without_value(token, language) for token in tokens_of(source, language)]
    return frozenset(tuple(tokens[at : at + SHINGLE]) for at in range(max(1, len(tokens) - SHINGLE + 1)))


def _without_value(token: str, language: str) -> str:
    known = language in {"c", "python"}
    if known and not token.startswith(_STEERING):
        return next((begin for begin in _NUMBER_TOKENS if token.startswith(begin)), token)
    return _DIGITS.sub("#", token)
