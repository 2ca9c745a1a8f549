"""Where a candidate comes from: its forebears, who wrote each of them, and what the models were asked and answered."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from nightforge import __version__
from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.model import CallState
from nightforge.domain.ports import Store

CALLS_KEPT = 200
"""Newest calls of one candidate: repairs and drafts are a handful."""
GENERATIONS = 60
"""Whose prompts leave with it; older ones are named only."""


class Forebear(Frozen):
    ordinal: int
    operator: str = ""
    note: str = ""
    parents: tuple[int, ...] = ()
    models: tuple[str, ...] = ()
    """Who answered for it; empty where no model was asked."""


class Conversation(Frozen):
    """One request and its reply, by the file that holds them."""

    ordinal: int | None
    role: str
    step: str
    model: str
    sent_at: datetime
    cost_usd: float
    tokens_in: int
    tokens_out: int
    file: str


class Provenance(Frozen):
    """`provenance.json` of an exported candidate."""

    schema_version: Literal[1] = 1
    candidate: str
    goal: str
    task: str
    team: str
    preset: str
    search_seed: int
    made_with: str
    """Nightforge's version that wrote this."""
    sandbox: str
    owner: str = ""
    created_at: datetime
    confirmed: bool
    lineage: tuple[Forebear, ...]
    """The candidate first, then its first parents back to the seed."""
    conversations: tuple[Conversation, ...] = ()
    tools: dict[str, str] = Field(default_factory=dict)
    """Versions, as the evaluator noted them."""


def provenance_of(store: Store, campaign: Campaign, candidate: Candidate) -> tuple[Provenance, dict[str, bytes]]:
    """And the texts of the conversations, by file."""
    campaign_id = campaign.campaign_id
    family = store.ancestry(campaign_id, [candidate.ordinal])
    line, at = list[int](), candidate.ordinal
    while at in family and at not in line:
        line.append(at)
        at = family[at].parents[0] if family[at].parents else -1
    conversations, texts = list[Conversation](), dict[str, bytes]()
    asked: dict[int, list[str]] = {}
    for ordinal in line[:GENERATIONS]:
        for call in reversed(store.calls(campaign_id, ordinal=ordinal, limit=CALLS_KEPT)):
            if call.state is not CallState.ANSWERED:
                continue
            name = f"prompts/{ordinal}-{call.call_id}-{call.key.role.value}.md"
            texts[name] = _conversation(store, call.call_id, call.reply_text or "", call.model).encode()
            asked.setdefault(ordinal, []).append(call.model)
            conversations.append(
                Conversation(
                    ordinal=ordinal,
                    role=call.key.role.value,
                    step=call.key.step,
                    model=call.model,
                    sent_at=call.sent_at,
                    cost_usd=call.cost_usd,
                    tokens_in=call.usage.tokens_in,
                    tokens_out=call.usage.tokens_out,
                    file=name,
                )
            )
    evidence = candidate.confirmation or candidate.evidence
    stages = evidence.stages if evidence is not None else ()
    found = Provenance(
        candidate=candidate.ref,
        goal=campaign.plan.goal,
        task=campaign.plan.task,
        team=campaign.plan.team.value,
        preset=campaign.plan.search.preset,
        search_seed=campaign.plan.search.seed,
        made_with=__version__,
        sandbox=campaign.tier,
        owner=campaign.owner,
        created_at=candidate.created_at,
        confirmed=candidate.confirmation is not None and candidate.state.value == "confirmed",
        lineage=tuple(
            Forebear(
                ordinal=ordinal,
                operator="seed" if ordinal == 0 else family[ordinal].operator_name,
                note="" if ordinal == 0 else family[ordinal].note,
                parents=family[ordinal].parents,
                models=tuple(dict.fromkeys(asked.get(ordinal, ()))),
            )
            for ordinal in line
        ),
        conversations=tuple(conversations),
        tools={name: version for stage in stages for name, version in stage.tools.items()},
    )
    return found, texts


def _conversation(store: Store, call_id: int, reply: str, model: str) -> str:
    parts = [f"## {message.role}\n\n{message.content}\n" for message in store.call_messages(call_id)]
    return "\n".join([*parts, f"## reply of {model}\n\n{reply}\n"])
