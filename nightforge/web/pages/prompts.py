"""`prompts`: why did it do that? What a model was asked for one candidate, and what it answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from nightforge.domain.base import Frozen
from nightforge.errors import NotFound
from nightforge.web.pages.candidate import CALLS, CallView, call_view
from nightforge.web.render import PageRouter, View
from nightforge.web.site import CampaignId, Ordinal, SiteDep

router = PageRouter()

SHOWN = 24_000
"""Characters of a message on the page; the whole one is in the JSON face."""


class Said(Frozen):
    role: str
    text: str

    @property
    def shown(self) -> str:
        return self.text[:SHOWN]

    @property
    def hidden_characters(self) -> int:
        return max(0, len(self.text) - SHOWN)


class PromptsView(View):
    campaign_id: str
    ordinal: int
    calls: tuple[CallView, ...]
    """In the order in which they were sent."""
    chosen: CallView | None
    messages: tuple[Said, ...]
    reply: str | None
    """None while there is no answer."""
    finish_reason: str
    error: str

    @property
    def said(self) -> Said | None:
        return None if self.reply is None else Said(role="assistant", text=self.reply)


@router.page("/c/{campaign}/{ordinal}/prompts", template="prompts.html")
def prompts(
    site: SiteDep,
    campaign: CampaignId,
    ordinal: Ordinal,
    call: Annotated[
        int | None, Query(ge=0, le=2**53, description="Number of the call; the last one without it.")
    ] = None,
) -> PromptsView:
    """The calls of a candidate, one of them with its messages and reply."""
    store = site.store
    one = store.candidate(store.campaign(campaign).campaign_id, ordinal)
    calls = tuple(reversed(store.calls(one.campaign_id, ordinal=ordinal, limit=CALLS)))
    chosen = next((each for each in reversed(calls) if call is None or each.call_id == call), None)
    if chosen is None and call is not None:
        raise NotFound(f"call {call} is not one of this candidate's", where=one.ref, hint="take it from its list")
    messages = store.call_messages(chosen.call_id) if chosen is not None else ()
    return PromptsView(
        campaign_id=one.campaign_id,
        ordinal=ordinal,
        calls=tuple(map(call_view, calls)),
        chosen=None if chosen is None else call_view(chosen),
        messages=tuple(Said(role=message.role, text=message.content) for message in messages),
        reply=None if chosen is None else chosen.reply_text,
        finish_reason="" if chosen is None else chosen.finish_reason,
        error="" if chosen is None else chosen.error,
    )
