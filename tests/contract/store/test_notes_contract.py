"""Notes and the mark of a cheat, on every store."""

from __future__ import annotations

import asyncio

import pytest

from nightforge.domain.plan import Plan
from nightforge.domain.words import SandboxTier
from nightforge.errors import NotFound, UserError
from nightforge.store import SqlStore
from nightforge.store.steering import HINT_CHARACTERS, NOTES_KEPT


@pytest.fixture
async def campaign_id(store: SqlStore, plan: Plan) -> str:
    """With candidates 0 and 1."""
    campaign = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    for ordinal in range(2):
        await store.open_candidate(campaign, ordinal, parents=())
    return campaign


async def test_notes_stand_where_they_were_written(store: SqlStore, campaign_id: str) -> None:
    await store.add_note(campaign_id, "  of the campaign ", owner="ann")
    await store.add_note(campaign_id, "of 1", ordinal=1, owner="bob")
    await store.add_note(campaign_id, "of 1 again", ordinal=1)
    assert [(note.text, note.owner) for note in store.notes(campaign_id)] == [("of the campaign", "ann")]
    assert [(note.text, note.owner) for note in store.notes(campaign_id, ordinal=1)] == [
        ("of 1", "bob"),
        ("of 1 again", ""),
    ]
    assert store.notes(campaign_id, ordinal=0) == ()


async def test_each_is_an_event(store: SqlStore, campaign_id: str) -> None:
    await store.add_note(campaign_id, "look", ordinal=1, owner="ann")
    event = store.events(campaign_id)[-1]
    assert (event.kind, event.ordinal, event.payload) == ("control.note", 1, {"text": "look", "owner": "ann"})


async def test_notes_written_at_once_are_all_kept(store: SqlStore, campaign_id: str) -> None:
    await asyncio.gather(*(store.add_note(campaign_id, f"note {number}", ordinal=0) for number in range(20)))
    assert {note.text for note in store.notes(campaign_id, ordinal=0)} == {f"note {number}" for number in range(20)}


@pytest.mark.parametrize("text", ["", " \n", "x" * (HINT_CHARACTERS + 1)])
async def test_a_note_has_a_length(store: SqlStore, campaign_id: str, text: str) -> None:
    with pytest.raises(UserError, match="characters"):
        await store.add_note(campaign_id, text)
    assert store.notes(campaign_id) == ()


async def test_there_is_a_largest_number_of_them(store: SqlStore, campaign_id: str) -> None:
    await asyncio.gather(*(store.add_note(campaign_id, f"{number}") for number in range(NOTES_KEPT)))
    with pytest.raises(UserError, match="already"):
        await store.add_note(campaign_id, "one more")
    assert len(store.notes(campaign_id)) == NOTES_KEPT


async def test_what_is_not_there_has_no_notes(store: SqlStore, campaign_id: str) -> None:
    before = store.events(campaign_id)
    for write in (store.add_note(campaign_id, "x", ordinal=7), store.mark_cheat(campaign_id, 7, is_set=True)):
        with pytest.raises(NotFound):
            await write
    assert store.events(campaign_id) == before


async def test_a_cheat_is_a_mark_with_its_owner_and_can_be_taken_back(store: SqlStore, campaign_id: str) -> None:
    state = store.candidate(campaign_id, 1).state
    await store.mark_cheat(campaign_id, 1, is_set=True, owner="ann")
    await store.mark_cheat(campaign_id, 1, is_set=True, owner="bob")  # the same again changes nothing
    assert dict(store.mark_owners(campaign_id, 1)) == {"cheat": "ann"}
    assert store.candidate(campaign_id, 1).state is state
    await store.mark_cheat(campaign_id, 1, is_set=False, owner="bob")
    assert dict(store.mark_owners(campaign_id, 1)) == {}
    told = [event.payload for event in store.events(campaign_id) if event.kind == "candidate.cheat"]
    assert told == [{"cheat": True, "owner": "ann"}, {"cheat": False, "owner": "bob"}]
