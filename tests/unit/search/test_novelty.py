from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from nightforge.domain.team import Draft
from nightforge.domain.words import OperatorKind
from workflows.search.novelty import RECENT, NoveltyGate

LONG = "\n".join(f"line {number} of a program" for number in range(400))


@dataclass
class Shapes:
    owners: dict[bytes, int] = field(default_factory=dict)

    def owner_of_shape(self, campaign_id: str, digest: bytes) -> int | None:
        return self.owners.get(digest)


def gate(shapes: Shapes | None = None) -> NoveltyGate:
    return NoveltyGate(cast(Any, shapes or Shapes()), "c", "text")


def draft(source: str, operator: OperatorKind = OperatorKind.DIFF) -> Draft:
    return Draft(source=source, operator=operator)


def test_of_two_equal_shapes_in_flight_one_passes_until_the_other_lets_go() -> None:
    here = gate()
    assert here.turn_away(draft("a b"), 1) is None
    assert here.turn_away(draft("a  b"), 1) is None, "its own other draft"
    refused = here.turn_away(draft("a  b"), 2)
    assert refused is not None
    assert (refused.reason, "candidate 1" in refused.feedback) == ("duplicate", True)
    here.release(1)
    assert here.turn_away(draft("a  b"), 2) is None


def test_a_stored_shape_is_turned_away_whoever_made_it() -> None:
    here = gate()
    here.store = cast(Any, Shapes({here.shape("a b"): 4}))
    for kind in (OperatorKind.TUNE, OperatorKind.FULL, OperatorKind.REPAIR):
        refused = here.turn_away(draft("a   b", kind), 5)
        assert refused is not None
        assert refused.reason == "duplicate"


def test_a_models_program_with_one_word_changed_is_turned_away_and_a_tuned_one_is_not() -> None:
    here = gate()
    here.remember(3, LONG)
    nearly = LONG.replace("line 200 of", "line 999 of")
    refused = here.turn_away(draft(nearly), 4)
    assert refused is None, "one line of 400 is five shingles of 396"
    here.release(4)
    here.too_like = 0.97
    refused = here.turn_away(draft(nearly), 4)
    assert refused is not None
    assert (refused.reason, "candidate 3" in refused.feedback) == ("near_duplicate", True)
    assert here.turn_away(draft(nearly, OperatorKind.TUNE), 4) is None
    assert here.turn_away(draft(LONG[: len(LONG) // 2]), 5) is None


def test_the_draft_least_like_the_recent_ones_is_taken() -> None:
    here = gate()
    assert here.most_novel([draft("a"), draft("b")]).source == "a", "nothing known: the first"
    here.remember(1, LONG)
    other = "\n".join(f"something else {number}" for number in range(50))
    assert here.most_novel([draft(LONG + "\nmore"), draft(other)]).source == other


def test_it_remembers_a_bounded_number() -> None:
    here = gate()
    for number in range(3 * RECENT):
        here.remember(number, f"program {number}")
    assert list(here.recent) == list(range(2 * RECENT, 3 * RECENT))
