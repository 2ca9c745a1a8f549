"""What is learned of a model once, and kept: how its server likes to be asked, and how much it takes.

Shared by all clients of a process, and by later campaigns through the store: the ladder of structured output is
climbed down once per server and model, not once per campaign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nightforge.domain.model import ModelProfile, Usage
from nightforge.domain.plan import ModelSpec
from nightforge.domain.ports import Clock, Store
from tools.llm_wire import Dialect
from tools.structured import Rung

BYTES_PER_TOKEN = 3.0
"""Of code and English, cautiously: common tokenizers make a token of three to four bytes."""
MARGIN = 1.1
"""The ratio that a server reported may be a little higher in the next request."""
KEPT_FOR = timedelta(days=30)
"""Servers are upgraded: an older profile is made anew."""


@dataclass
class Traits:
    """Of one model at one server, in this process."""

    dialect: Dialect
    context_tokens: int | None = None
    """As the server says."""
    tokens_per_byte: float = 1.0 / BYTES_PER_TOKEN
    """The highest that was reported, with a margin; the cautious guess until then."""
    has_answered: bool = False
    form_held: bool = False
    """A reply came in the form asked for, in the present dialect."""
    reasoning_share: float | None = None
    """Of the output tokens reported; None until a server says so."""
    reports_cached: bool = False
    context_held: int = 0
    """Bytes of the longest prompt whose beginning the model could repeat."""
    profiled_at: datetime | None = None
    _ratio_known: bool = field(default=False, repr=False)

    def tokens_of(self, body_bytes: int) -> int:
        """About how many tokens a body of so many bytes is; rather more than less."""
        return int(body_bytes * self.tokens_per_byte) + 1

    def learn(self, usage: Usage | None, *, body_bytes: int) -> None:
        """From an answer, with the usage that the server reported for it."""
        self.has_answered = True
        if usage is None:
            return
        self.reports_cached = self.reports_cached or usage.tokens_cached > 0
        if usage.tokens_reasoning:
            self.reasoning_share = usage.tokens_reasoning / usage.tokens_out
        tokens_in = usage.tokens_in
        ratio = min(1.0, MARGIN * tokens_in / body_bytes)
        self.tokens_per_byte = max(self.tokens_per_byte, ratio) if self._ratio_known else max(ratio, 0.2)
        self._ratio_known = True


class ModelMemory:
    """Traits by (endpoint, model)."""

    def __init__(self, store: Store | None = None, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock
        self._traits: dict[tuple[str, str], Traits] = {}

    def of(self, spec: ModelSpec, first: Dialect) -> Traits:
        """What is known of a resolved `spec`, from this process or the store; else a beginner's `first` guess."""
        place = (spec.base_url, spec.model)
        known = self._traits.get(place)
        if known is None:
            profile = self._stored(spec)
            known = self._traits[place] = Traits(first) if profile is None else read_profile(profile, first)
        return known

    async def keep(self, profile: ModelProfile) -> None:
        """For later campaigns."""
        if self._store is not None:
            await self._store.save_model_profile(profile)

    def _stored(self, spec: ModelSpec) -> ModelProfile | None:
        if self._store is None or self._clock is None:
            return None
        profile = self._store.model_profile(spec.base_url, spec.model)
        if profile is None or self._clock.now() - profile.probed_at > KEPT_FOR:
            return None
        return profile


def read_profile(profile: ModelProfile, first: Dialect) -> Traits:
    dialect = Dialect(
        rung=Rung(profile.structure) if profile.structure in set(Rung) else first.rung,
        tokens_name=profile.tokens_name or first.tokens_name,
        sends_temperature=profile.takes_temperature,
        sends_system=profile.takes_system,
    )
    return Traits(
        dialect,
        context_tokens=profile.context_tokens,
        context_held=profile.context_held,
        form_held=profile.structure_held,
        has_answered=True,
        reasoning_share=profile.reasoning_share,
        reports_cached=profile.reports_cached,
        profiled_at=profile.probed_at,
    )


def write_profile(spec: ModelSpec, traits: Traits, now: datetime) -> ModelProfile:
    dialect = traits.dialect
    return ModelProfile(
        model=spec.model,
        base_url=spec.base_url,
        structure=dialect.rung,
        structure_held=traits.form_held,
        tokens_name=dialect.tokens_name,
        takes_temperature=dialect.sends_temperature,
        takes_system=dialect.sends_system,
        context_tokens=traits.context_tokens,
        context_held=traits.context_held,
        reasoning_share=traits.reasoning_share,
        reports_cached=traits.reports_cached,
        cached_input_usd_per_mtok=spec.cached_input_usd_per_mtok,
        probed_at=now,
    )


CONTEXT_FIELDS = ("max_model_len", "context_length", "max_context_length", "context_window", "n_ctx")
"""By which servers name their window at `/models`: vLLM, routers, desktop servers, hosts, llama.cpp."""


def listed_context(listed: Sequence[object], model: str) -> int | None:
    """The window of `model` in a server's own list, None when it says nothing."""
    for one in listed:
        if not isinstance(one, dict) or one.get("id") != model:
            continue
        meta = one.get("meta")
        for place in (one, meta if isinstance(meta, dict) else {}):
            for name in CONTEXT_FIELDS:
                value = place.get(name)
                if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                    return value
    return None
