"""A winner's minimisation beside its difference to the seed: each hunk with its share of the gain, or why it can go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from nightforge.domain.base import Frozen
from nightforge.domain.evidence import Metric
from nightforge.domain.minimisation import Hunk, Minimisation
from nightforge.report.minimised import by_share, first_line, share_text, summary, why_dropped
from tools.hunks import changes_between


class HunkView(Frozen):
    number: int
    """From 1, as they stand in the winner."""
    diff: str
    first_line: str
    share: Metric | None = None
    """Share of the gain over the seed that is lost without it, all others in place: 1 is all of it."""
    told: str
    """The share in words, or why there is none."""
    note: str = ""
    """Of one that can go: what was measured without it. Of one that stays: why it has no share."""


class MinimisedView(Frozen):
    winner: int
    minimal: int | None
    """What is left of it, a candidate; the winner itself where nothing could be dropped, None while it goes on."""
    words: str
    is_done: bool
    scale: Literal["ratio", "difference"]
    total: Metric | None
    """The gain over the seed of what is left, in that scale: what the shares are shares of."""
    measurements: int
    kept: tuple[HunkView, ...]
    """What brings most first."""
    dropped: tuple[HunkView, ...]

    @property
    def has_shares(self) -> bool:
        return any(hunk.share is not None for hunk in self.kept)


@dataclass(frozen=True)
class Beside:
    """What stands beside a line of the difference."""

    hunk: HunkView
    is_first: bool
    is_dropped: bool


def minimised_view(campaign_id: str, found: Minimisation | None) -> MinimisedView | None:
    if found is None or not found.hunks:
        return None
    return MinimisedView(
        winner=found.ordinal,
        minimal=found.minimal,
        words=summary(campaign_id, found),
        is_done=found.ended == "done",
        scale=found.scale,
        total=found.total,
        measurements=found.evaluations,
        kept=tuple(_kept(hunk) for hunk in by_share(found.kept)),
        dropped=tuple(_dropped(found, hunk) for hunk in found.dropped),
    )


def _kept(hunk: Hunk) -> HunkView:
    told = share_text(hunk.share) if hunk.share is not None else "needed" if hunk.note else "not measured"
    return HunkView(
        number=hunk.number,
        diff=hunk.diff,
        first_line=first_line(hunk),
        share=hunk.share,
        told=told,
        note=hunk.note,
    )


def _dropped(found: Minimisation, hunk: Hunk) -> HunkView:
    return HunkView(
        number=hunk.number,
        diff=hunk.diff,
        first_line=first_line(hunk),
        told="not needed",
        note=why_dropped(found, hunk),
    )


def beside_lines(view: MinimisedView, seed: str, program: str) -> Mapping[tuple[str, int], Beside]:
    """(`-`, line of the seed) or (`+`, line of the program) → the hunk that it belongs to.

    Hunks are known again by their lines, in their order; what cannot be found again stands beside nothing.
    """
    waiting = sorted([(hunk, False) for hunk in view.kept] + [(hunk, True) for hunk in view.dropped], key=_number)
    found: dict[tuple[str, int], Beside] = {}
    shift = 0
    for change in changes_between(seed, program):
        at = next((place for place, (hunk, _) in enumerate(waiting) if hunk.diff == change.diff), None)
        if at is not None:
            hunk, is_dropped = waiting[at]
            del waiting[: at + 1]
            old = [("-", change.start + 1 + line) for line in range(len(change.before))]
            new = [("+", change.start + shift + 1 + line) for line in range(len(change.after))]
            found |= _marked([*old, *new], hunk, is_dropped=is_dropped)
        shift += len(change.after) - len(change.before)
    return found


def _marked(lines: Iterable[tuple[str, int]], hunk: HunkView, *, is_dropped: bool) -> Mapping[tuple[str, int], Beside]:
    return {line: Beside(hunk, place == 0, is_dropped) for place, line in enumerate(lines)}


def _number(entry: tuple[HunkView, bool]) -> int:
    return entry[0].number
