"""The few that people choose among: the best ranked, grouped by idea, and what the search kept for being another trade.

Report, pages and terminal read them here, so that all of them name the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from nightforge.catalogue import find_task
from nightforge.domain.archive import CAMPAIGN, Archive
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.ports import Store
from nightforge.domain.words import CandidateState, Direction
from nightforge.errors import UserError
from nightforge.report.choosing import Axis
from nightforge.report.grouping import Finalist, Idea, ideas_of
from tools.patching import unified_diff

FINALISTS = 24
"""The best that are grouped by idea."""
SIDE = (Axis("area_um2", "um2", Direction.MIN), Axis("delay_ns", "ns", Direction.MIN))
"""What hardware is weighed by, where both are measured and the objective is one number made of them."""
TRADES = 128
"""Residents of the archive that are weighed beside them, at most."""


def ideas_among(store: Store, campaign: Campaign, ranked: Sequence[Candidate]) -> tuple[Idea, ...]:
    """Of the first of `ranked` (best first) that have a program and are not the seed."""
    best = [one for one in ranked if one.ordinal != 0 and one.code_sha is not None][:FINALISTS]
    if not best:
        return ()
    campaign_id = campaign.campaign_id
    seed = _source_of(store, store.candidate(campaign_id, 0))
    finalists = []
    for one in best:
        source = _source_of(store, one)
        finalists.append(Finalist(one, source, lines_changed(seed, source)))
    family = store.ancestry(campaign_id, [one.ordinal for one in best])
    return ideas_of(finalists, seed, _language(campaign.plan.task), family)


def trades_of(store: Store, campaign: Campaign, archive: Archive, known: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """What no other beats in all objectives; where one objective is made of two, the best of each kind of behaviour.

    The best by one number all look alike: the ends of a front are not among them. `known`, which say what is measured,
    are left out; discarded and suspicious ones, too. Nothing where there is one number only.
    """
    if not front_axes(campaign, known):
        return ()
    several = len(campaign.plan.objectives) > 1
    homes = [one for one in archive.residents if (one.island == CAMPAIGN) == several]
    best = sorted(homes, key=lambda one: (-one.score_low, one.ordinal))
    wanted = [ordinal for ordinal in dict.fromkeys(one.ordinal for one in best) if ordinal]
    seen = {one.ordinal for one in known}
    found = store.candidates(campaign.campaign_id, [ordinal for ordinal in wanted if ordinal not in seen][:TRADES])
    counted = {CandidateState.MEASURED, CandidateState.CONFIRMED}
    return tuple(one for one in found if one.state in counted and not one.discarded)


def front_axes(campaign: Campaign, known: Iterable[Candidate]) -> tuple[Axis, ...]:
    """The plan's objectives where there are several; else area and delay; nothing where there is one number only."""
    objectives = campaign.plan.objectives
    if len(objectives) > 1:
        return tuple(Axis(one.metric, one.unit, one.direction) for one in objectives)
    seen = next((found for one in known if (found := one.confirmation or one.evidence) and found.passed), None)
    return SIDE if seen is not None and all(axis.metric in seen.metrics for axis in SIDE) else ()


@lru_cache(maxsize=256)
def lines_changed(before: str, after: str) -> int:
    """Lines added plus lines taken away."""
    lines = unified_diff(before, after).splitlines()[2:]
    return sum(line.startswith(("+", "-")) for line in lines)


def _source_of(store: Store, one: Candidate) -> str:
    return "" if one.code_sha is None else store.source(one.code_sha)


def _language(task: str) -> str:
    """Empty, and programs are compared line by line, where the task's folder is gone."""
    try:
        return find_task(task).language.lower()
    except UserError:
        return ""
