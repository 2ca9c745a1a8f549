"""A few cheap questions to a model before a campaign: does it keep to a form, and does it see a whole prompt?

Some servers cut a prompt that is longer than their context and say nothing (Ollama's default is a few thousand
tokens). A code word at the very beginning of a prompt as long as the campaign's own shows it: who cannot repeat the
word has not seen the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from nightforge.domain.base import Frozen
from nightforge.domain.model import CallKey, Message, ModelProfile, Reply
from nightforge.domain.words import Role
from tools.llm import OpenAIModelClient
from tools.llm_endpoint import Member
from tools.llm_errors import UnusableReply
from tools.llm_memory import listed_context
from tools.pricing import cost_usd

LIST_TIMEOUT_S = 10.0
SHORTEST_PROMPT = 600
LINE = "Line {number}: nothing of interest is written here, go on to the next one.\n"
QUESTION = "Which code word stands at the very beginning of this message?"
CUT_HINT = (
    "start the server with a longer context (Ollama: OLLAMA_CONTEXT_LENGTH; llama.cpp: --ctx-size; vLLM: "
    "--max-model-len) and set context_tokens of the model to it"
)


class ProbeReply(Frozen):
    code_word: str


@dataclass(frozen=True)
class Finding:
    profile: ModelProfile
    is_new: bool
    """False when an earlier campaign's profile was good enough, so that nothing was asked."""
    trouble: str = ""
    """Why no campaign should begin with this model; empty when it may."""
    hint: str = ""


class ModelProber:
    """Probes the first model of a client; each question is a row of the campaign, as any other request."""

    def __init__(self, client: OpenAIModelClient) -> None:
        self._client = client

    async def probe(self, campaign_id: str, *, prompt_bytes: int, most_usd: float | None) -> Finding:
        """Ask with a prompt of `prompt_bytes`, or as many as `most_usd` pay for. Raises as `complete` does."""
        member = self._client.members[0]
        traits = member.traits
        wanted = _affordable(member, prompt_bytes, most_usd)
        if traits.profiled_at is not None and traits.context_held >= wanted:
            return Finding(await self._client.keep_profile(member), is_new=False)
        listed = await member.endpoint.listed_models(limit_s=LIST_TIMEOUT_S)
        traits.context_tokens = listed_context(listed, member.spec.model) or traits.context_tokens
        word = "w" + sha256(f"{campaign_id} {member.spec.model}".encode()).hexdigest()[:8]
        try:
            reply = await self._ask(campaign_id, member, _messages(word, wanted))
        except UnusableReply as unusable:
            traits.form_held = traits.form_held and unusable.reason != "unparsable"
            cut = unusable.reason == "truncated"
            trouble, hint = (str(unusable), unusable.hint) if cut else ("", "")
            return Finding(await self._client.keep_profile(member), is_new=True, trouble=trouble, hint=hint)
        tokens_in = 0 if reply.usage.estimated else reply.usage.tokens_in
        said = reply.value.code_word if reply.value is not None else ""
        traits.context_held = wanted if word in said else 0
        profile = await self._client.keep_profile(member)
        if word in said:
            return Finding(profile, is_new=True)
        seen = f", and the server counted only {tokens_in:,} tokens" if tokens_in else ""
        trouble = (
            f"{member.where} could not repeat the first words of a prompt of about {traits.tokens_of(wanted):,} "
            f"tokens{seen}: the server seems to cut long prompts without a word"
        )
        return Finding(profile, is_new=True, trouble=trouble, hint=CUT_HINT)

    async def _ask(self, campaign_id: str, member: Member, messages: Sequence[Message]) -> Reply[ProbeReply]:
        """A reply that cannot be used is asked for once more: one bad reply says little of a model."""
        key = CallKey(campaign_id=campaign_id, step=f"probe.{member.spec.model}", role=Role.CODER)
        try:
            return await self._client.complete(key, messages, schema=ProbeReply)
        except UnusableReply:
            again = key.model_copy(update={"step": f"{key.step}.again"})
            return await self._client.complete(again, messages, schema=ProbeReply)


def _affordable(member: Member, prompt_bytes: int, most_usd: float | None) -> int:
    """Also within the window that is known: what is longer is refused by the client's own rule."""
    wanted = max(prompt_bytes, SHORTEST_PROMPT)
    if member.context_tokens is not None:
        room = member.context_tokens - member.spec.max_output_tokens
        wanted = min(wanted, int(0.8 * room / member.traits.tokens_per_byte))
    per_token = cost_usd(member.spec, tokens_in=1, tokens_out=0)
    if most_usd is not None and per_token > 0:
        wanted = min(wanted, int(most_usd / per_token / member.traits.tokens_per_byte))
    return max(wanted, SHORTEST_PROMPT)


def _messages(word: str, prompt_bytes: int) -> tuple[Message, ...]:
    filler = "".join(LINE.format(number=number) for number in range(1, prompt_bytes // len(LINE) + 1))
    return (
        Message(role="system", content="You answer a short question about the message that you are sent."),
        Message(role="user", content=f"The code word is {word}.\n\n{filler}\n{QUESTION}"),
    )
