"""What the rehearsal of all models may cost: a part of the campaign's budget, in dollars and tokens.

A request of the rehearsal is sent only when its worst case fits into what is left of the part, also after a resume;
one that is no coder's first reply must leave room for another as costly.
One exception, without which nothing could be rehearsed under a small cap, and it is told: a model that the part has
paid no reply of its coder for may give `FIRSTS` per campaign, one to a candidate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from pydantic import Field

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Tally
from nightforge.domain.plan import Budget
from nightforge.domain.team import Analyst, Coder, Draft, Judge, NoDraft, Planner, StepContext, Team
from nightforge.errors import BudgetExhausted, NightforgeError
from tools.budget import Amount, BudgetMeter, Reservation

SHARE = 0.01
"""Of the caps on dollars and tokens, for the rehearsal of all models together."""
FIRSTS = 3
OVER_SHARE = "over_share"
"""Reason of a candidate whose next request would have passed the share."""


class PurseRecord(Frozen):
    """Kept with the campaign: a resumed rehearsal goes on where it stood."""

    start_cost_usd: float
    start_tokens: int
    spent_usd: float = 0.0
    spent_tokens: int = 0
    beyond: dict[str, int] = Field(default_factory=dict)
    """Model → replies that the share could not pay for."""
    served: tuple[str, ...] = ()
    """Models with a reply that it paid for."""


class Purse:
    """Stands in for the campaign's budget (`tools.budget.Funds`) in the clients of the rehearsal."""

    def __init__(self, whole: BudgetMeter, budget: Budget, record: PurseRecord | None = None) -> None:
        self._whole = whole
        now = whole.spent
        self._record = record or PurseRecord(start_cost_usd=now.cost_usd, start_tokens=now.tokens)
        self.share = Budget(
            cost_usd=None if budget.cost_usd is None else SHARE * budget.cost_usd,
            tokens=None if budget.tokens is None else int(SHARE * budget.tokens),
        )
        so_far = Tally(
            cost_usd=max(0.0, now.cost_usd - self._record.start_cost_usd),
            tokens_in=max(0, now.tokens - self._record.start_tokens),
        )
        self._part = BudgetMeter(self.share, spent=so_far)
        self._beyond = Counter(self._record.beyond)
        self._served = set(self._record.served)
        self._first_of = ""
        self._is_strict = False
        self.worst = Amount()
        """Of the replies asked for so far: what another one must be expected to cost at most."""

    @property
    def record(self) -> PurseRecord:
        spent = self._part.spent
        return self._record.model_copy(
            update={
                "spent_usd": spent.cost_usd,
                "spent_tokens": spent.tokens,
                "beyond": {model: count for model, count in self._beyond.items() if count},
                "served": tuple(sorted(self._served)),
            }
        )

    def pays_again(self, model: str) -> bool:
        """For another candidate of this model, by the costliest request so far."""
        return self._fits(self._part, self.worst) or self._may_exceed(model)

    def _fits(self, part: BudgetMeter, wanted: Amount) -> bool:
        try:
            part.reserve(cost_usd=wanted.cost_usd, tokens=wanted.tokens).release()
        except BudgetExhausted:
            return False
        return True

    def _may_exceed(self, model: str) -> bool:
        return model not in self._served and self._beyond[model] < FIRSTS

    @contextmanager
    def first_reply(self, model: str) -> Iterator[None]:
        """Inside, one request of this model may pass the share, by the rule above."""
        self._first_of = model
        try:
            yield
        finally:
            self._first_of = ""

    @contextmanager
    def strict(self) -> Iterator[None]:
        """Inside, a request that does not fit raises BudgetExhausted, not UnusableReply."""
        self._is_strict = True
        try:
            yield
        finally:
            self._is_strict = False

    async def reserve_when_free(self, *, cost_usd: float = 0.0, tokens: int = 0, evaluations: int = 0) -> Reservation:
        """From the share and from the whole. Raises UnusableReply where the share does not reach: the candidate ends,
        not the campaign; BudgetExhausted where the whole does not."""
        wanted = Amount.of(cost_usd=cost_usd, tokens=tokens, evaluations=0)
        self.worst = Amount(max(self.worst.picodollars, wanted.picodollars), max(self.worst.tokens, wanted.tokens))
        # The whole first: where that is spent, the campaign is over, and no share of it a matter.
        rest = await self._whole.reserve_when_free(cost_usd=cost_usd, tokens=tokens, evaluations=evaluations)
        model, exceeds = self._first_of, False
        try:
            part = await self._take(cost_usd, tokens)
        except BudgetExhausted as short:
            exceeds = bool(model) and self._may_exceed(model)
            if not exceeds:
                rest.release()
                raise self._refusal(short) from short
            self._beyond[model] += 1
            part = self._part.reserve()
        except BaseException:
            rest.release()
            raise
        self._first_of = ""

        def end(_: Reservation, actual: Amount) -> None:
            rest.settle(cost_usd=actual.cost_usd, tokens=actual.tokens, evaluations=actual.evaluations)
            part.settle(cost_usd=actual.cost_usd, tokens=actual.tokens)
            if not model:
                return
            if not (actual.picodollars or actual.tokens):  # nothing came and nothing was billed: it is asked again
                self._first_of = model
                self._beyond[model] -= exceeds
            elif not exceeds:
                self._served.add(model)

        return Reservation(rest.amount, end)

    async def _take(self, cost_usd: float, tokens: int) -> Reservation:
        if not self._first_of:  # a probe, a planner, a repair, a judge: all the rest must leave enough for the coder
            self._part.reserve(cost_usd=2 * cost_usd, tokens=2 * tokens).release()
        return await self._part.reserve_when_free(cost_usd=cost_usd, tokens=tokens)

    def _refusal(self, short: BudgetExhausted) -> NightforgeError:
        if self._is_strict:
            return short
        from tools.llm_errors import UnusableReply  # brings the SDK, which is slow to load

        what = f"the rehearsal of models may cost {SHARE:.0%} of the caps: {short}"
        return UnusableReply(OVER_SHARE, what, where="rehearsal of models", hint=SHARE_HINT)


SHARE_HINT = (
    "raise the caps on dollars and tokens, lower max_output_tokens of the model, or find out with `nightforge doctor "
    "--model`, which has a cap of its own"
)


@dataclass(frozen=True)
class _FirstReply:
    """The coder, whose first reply is always asked for; a repair is not."""

    coder: Coder
    purse: Purse
    model: str

    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        if context.draft:
            return await self.coder.write(context, random=random, is_known=is_known)
        with self.purse.first_reply(self.model):
            return await self.coder.write(context, random=random, is_known=is_known)

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        return await self.coder.repair(context, random=random, is_known=is_known)


@dataclass(frozen=True)
class RehearsalTeam:
    """A team whose coder may give its first reply whatever the share pays for."""

    planner: Planner
    coder: Coder
    judge: Judge
    analyst: Analyst
    disclosure: str

    @classmethod
    def of(cls, team: Team, purse: Purse, model: str) -> RehearsalTeam:
        coder = _FirstReply(team.coder, purse, model)
        return cls(team.planner, coder, team.judge, team.analyst, team.disclosure)
