"""The policy `evolve`: parents by score and child count, inspirations from the best."""

from __future__ import annotations

from random import Random

from nightforge.domain.search import Choice, Policy, PolicyContext, Result
from workflows.search.parents import WeightedPicker


class Evolve:
    """Implements `nightforge.domain.search.Policy`."""

    name = "evolve"

    def __init__(self, context: PolicyContext) -> None:
        self._context = context
        self._picker = WeightedPicker()

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        pool = self._context.store.parents(self._context.campaign_id)
        # A person may have discarded every other parent: the seed is always there to start from again.
        if not pool:
            return Choice(parents=(0,))
        return Choice(parents=self._picker.pick(pool, inspirations=self._context.inspirations, random=random))

    async def tell(self, result: Result) -> None:
        """The store keeps all that is needed."""


def make_evolve(context: PolicyContext) -> Policy:
    return Evolve(context)
