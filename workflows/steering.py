"""What people say to a campaign: hints, given to three of four candidates and held back from the fourth, and caps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nightforge.domain.candidate import Campaign
from nightforge.domain.plan import Budget, Plan, StopSpec
from nightforge.domain.ports import Store
from nightforge.errors import UserError
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


def with_until(plan: Plan, until: str) -> Plan:
    """Be done at that moment (ISO, with zone), in place of any named before; empty for none at all."""
    others = tuple(rule for rule in plan.stop if rule.rule != "until")
    named = (StopSpec(rule="until", parameters={"at": until}),) if until else ()
    return plan.model_copy(update={"stop": (*others, *named)})


async def recap(store: Store, campaign: Campaign, caps: Budget, until: str | None, *, author: str) -> None:
    """Other caps while it runs. The plan's row first, the word to its process after it: one that starts meanwhile
    reads the row anyway.
    """
    given = {name: cap for name, cap in caps.model_dump().items() if cap is not None}
    changed = campaign.plan.model_copy(update={"budget": campaign.plan.budget.model_copy(update=given)})
    changed = changed if until is None else with_until(changed, until)
    await store.save_plan(campaign.campaign_id, changed)
    await store.post_command(campaign.campaign_id, "budget", author=author)


def read_until(text: str, *, now: datetime) -> str:
    """A time of day (its next coming) or a date with time, as ISO with zone; UserError for others and for the past."""
    hint = "as --until 07:00 or --until 2030-01-31T07:00"
    try:
        if len(text) <= 5:
            clock = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 - only its hour and minute are used
            moment = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
            moment = moment if moment > now else moment + timedelta(days=1)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)
    except ValueError:
        raise UserError(f"{text!r} is no time", where="--until", hint=hint) from None
    if moment <= now:
        raise UserError(f"{text} has passed", where="--until", hint=hint)
    return moment.isoformat(timespec="seconds")
