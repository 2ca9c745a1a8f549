"""When no model answers the campaign waits with backoff, the offline team fills the slots, the report names the gap."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nightforge.domain.evidence import Gap, Gaps
from nightforge.errors import ModelFault

if TYPE_CHECKING:
    from nightforge.domain.candidate import Candidate
    from nightforge.domain.team import Team
    from workflows.workshop import Desk, Workshop

FAULTS_FOR_AN_OUTAGE = 2
"""Requests in a row that no endpoint answered, each of which was tried to the end of its own deadline."""
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0
BARREN_SPARES = 8
"""Candidates in a row of the offline team that brought nothing: until the next probe it rests, too."""
DOCUMENT = "gaps"


@dataclass
class Outage:
    """Of one campaign. While it lasts, one candidate at a time probes the models; the others are the offline team's."""

    shop: Workshop
    offline: Team | None
    """None for a campaign without models, which knows no outage."""
    gap: Gap | None = None
    _faults: int = 0
    _pause_s: float = 0.0
    _probe_at_s: float = 0.0
    _probe: int | None = None
    _barren: int = 0
    _spare: Workshop | None = field(default=None, repr=False)

    def workshop_for(self, ordinal: int) -> Workshop | None:
        """Who makes the next candidate; None: nobody yet."""
        if self.gap is None:
            return self.shop
        if self._probe is None and self.shop.clock.monotonic() >= self._probe_at_s:
            self._probe, self._barren = ordinal, 0
            return self.shop
        return self._offline_workshop() if self._barren < BARREN_SPARES else None

    def workshop_of(self, row: Candidate) -> Workshop:
        """Who began this candidate in an earlier session, and is to end it."""
        is_spare = self.offline is not None and row.choice is not None and row.choice.is_spare
        return self._offline_workshop() if is_spare else self.shop

    def _offline_workshop(self) -> Workshop:
        """The same campaign with another team: budget, slots and claimed programs are shared."""
        if self._spare is None:
            self._spare = copy.copy(self.shop)
            assert self.offline is not None
            self._spare.team, self._spare.is_spare = self.offline, True
        self._spare.plan, self._spare.may_repair = self.shop.plan, self.shop.may_repair
        return self._spare

    async def landed(self, desk: Desk) -> None:
        """A candidate came to its end without a fault."""
        if desk.workshop.is_spare:
            self._barren = 0 if desk.evaluations else self._barren + 1
            if self.gap is not None and desk.evaluations:
                self.gap = self.gap.model_copy(update={"candidates": self.gap.candidates + 1})
            return
        self._faults = 0
        if self.gap is not None and desk.ordinal == self._probe:  # others may have had their answer before the gap
            await self._end(self.gap)

    async def bear(self, desk: Desk, fault: Exception) -> bool:
        """True when the fault is a model's that did not answer, and the campaign can go on without it."""
        if self.offline is None or not isinstance(fault, ModelFault) or not fault.retryable:
            return False
        self._faults += 1
        now_s = self.shop.clock.monotonic()
        if self.gap is not None:
            if desk.ordinal == self._probe:
                self._probe, self._pause_s = None, min(2 * self._pause_s, LONGEST_PAUSE_S)
                self._probe_at_s = now_s + self._pause_s
        elif self._faults >= FAULTS_FOR_AN_OUTAGE:
            self._pause_s = FIRST_PAUSE_S
            self._probe_at_s = now_s + self._pause_s
            self.gap = Gap(what="models", since=self.shop.clock.now(), detail=str(fault)[:500])
            await self._write(self.gap)
            await self.shop.store.append_event(self.shop.campaign_id, "models.gone", {"reason": self.gap.detail})
        return True

    async def _end(self, gap: Gap) -> None:
        ended = gap.model_copy(update={"until": self.shop.clock.now()})
        self.gap, self._probe, self._faults = None, None, 0
        await self._write(ended)
        await self.shop.store.append_event(
            self.shop.campaign_id, "models.back", {"seconds": ended.seconds, "candidates": ended.candidates}
        )

    async def close(self) -> None:
        """The search ended: a gap that is still open is written as it stands."""
        if self.gap is not None:
            await self._end(self.gap)

    async def _write(self, gap: Gap) -> None:
        await note_gap(self.shop, gap)


async def note_gap(shop: Workshop, gap: Gap) -> None:
    """In the campaign's list; the same gap (by its beginning) is replaced."""
    known = shop.store.document(shop.campaign_id, DOCUMENT, Gaps) or Gaps()
    others = tuple(one for one in known.gaps if (one.what, one.since) != (gap.what, gap.since))
    await shop.store.save_document(shop.campaign_id, DOCUMENT, Gaps(gaps=(*others, gap)))
