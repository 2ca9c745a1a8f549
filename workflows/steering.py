"""Hints of people, given to candidates: three of four are made with each hint, the fourth without, to compare with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nightforge.domain.ports import Store
from nightforge.registry import OPERATORS, load, registered
from workflows.search.randomness import decide

HELD_BACK = 0.25


@dataclass
class Steering:
    """The hints in force, read again when a person gives one; a campaign without hints asks the store nothing."""

    store: Store
    campaign_id: str
    seed: int
    in_force: Mapping[int, str] = field(default_factory=dict)

    def reload(self) -> None:
        self.in_force = self.store.hints_in_force(self.campaign_id)

    async def hints_for(self, ordinal: int, *, parent_low: float | None) -> Sequence[str]:
        """For a new candidate; committed before its first request, which a resumed run must repeat word for word."""
        if not self.in_force:
            return ()
        used = {number: decide(self.seed, ordinal, f"hint.{number}").random() >= HELD_BACK for number in self.in_force}
        await self.store.use_hints(self.campaign_id, ordinal, used, parent_low=parent_low)
        texts = tuple(text for number, text in self.in_force.items() if used[number])
        self.reload()
        return texts


def operator_named(hints: Sequence[str]) -> str:
    """The first registered operator that a hint calls by its name: what the offline team can make of words."""
    known = registered(OPERATORS)
    for hint in hints:
        for word in re.findall(r"[a-z]+(?:-[a-z]+)*", hint.lower()):
            if word in known:
                return str(getattr(load(OPERATORS, word), "name", ""))
    return ""
