"""Novelty before evaluation: what was tried under another name, or nearly so, costs no evaluation.

Two looks, the cheaper first. A program with the syntax tree of a known one is never evaluated. A program that a model
wrote is turned away when almost all of its token shingles are those of one recent program, too: numbers alone are
better tuned without a model, and a rewrite or a tuned number is small on purpose, so these pass. Embeddings are not
needed; an object with the same methods may take this one's place.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from nightforge.domain.ports import Store
from nightforge.domain.team import Draft, NoDraft
from nightforge.domain.words import OperatorKind
from tools.likeness import likeness, shape_of, shingles_of

TOO_LIKE = 0.985
"""Jaccard index of token shingles from which on a model's program is a known one with a word changed."""
RECENT = 64
"""Programs that a new one is compared with."""
BY_MODEL = frozenset({OperatorKind.DIFF, OperatorKind.FULL, OperatorKind.CROSSOVER})
Shingles = frozenset[tuple[str, ...]]


@dataclass
class NoveltyGate:
    """One per campaign. Nothing in it waits, so that of two equal drafts in flight exactly one passes."""

    store: Store
    campaign_id: str
    language: str
    too_like: float = TOO_LIKE
    claims: dict[bytes, int] = field(default_factory=dict)
    """Shape → candidate, for programs on their way into the store."""
    recent: OrderedDict[int, Shingles] = field(default_factory=OrderedDict)

    def shape(self, source: str) -> bytes:
        return shape_of(source, self.language)

    def turn_away(self, draft: Draft, ordinal: int) -> NoDraft | None:
        """Why this draft of candidate `ordinal` is not worth an evaluation; None claims its shape for it."""
        shape = self.shape(draft.source)
        owner = self.claims.get(shape)
        if owner is None:
            owner = self.store.owner_of_shape(self.campaign_id, shape)
        elif owner == ordinal:
            return None
        if owner is not None:
            text = f"the same program as candidate {owner}, but for names of locals, layout or comments"
            return NoDraft(reason="duplicate", feedback=text)
        if draft.operator in BY_MODEL:
            twin = self._twin(draft.source)
            if twin is not None:
                text = f"almost the program of candidate {twin}: a change this small was not worth a measurement"
                return NoDraft(reason="near_duplicate", feedback=text)
        self.claims[shape] = ordinal
        return None

    def _twin(self, source: str) -> int | None:
        mine = shingles_of(source, self.language)
        for ordinal, other in reversed(self.recent.items()):
            # Programs of unlike sizes cannot be alike enough; most are told apart by this.
            near = min(len(mine), len(other)) >= self.too_like * max(len(mine), len(other))
            if near and likeness(mine, other) >= self.too_like:
                return ordinal
        return None

    def most_novel(self, drafts: Sequence[Draft]) -> Draft:
        """Of several drafts (never none) the one least like what was tried lately; of equals the first."""
        if len(drafts) == 1:
            return drafts[0]

        def known(draft: Draft) -> float:
            mine = shingles_of(draft.source, self.language)
            return max((likeness(mine, other) for other in self.recent.values()), default=0.0)

        return min(drafts, key=known)

    def remember(self, ordinal: int, source: str) -> None:
        """The program that candidate `ordinal` is evaluated with."""
        self.recent[ordinal] = shingles_of(source, self.language)
        self.recent.move_to_end(ordinal)
        if len(self.recent) > RECENT:
            self.recent.popitem(last=False)

    def release(self, ordinal: int) -> None:
        """What the candidate claimed and did not store is free again; what it stored is known to the store."""
        for shape in [shape for shape, owner in self.claims.items() if owner == ordinal]:
            del self.claims[shape]
