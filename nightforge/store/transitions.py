"""The one place where a candidate's state changes, with all that is counted by state."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select, update

from nightforge.domain.words import CandidateState
from nightforge.store.base import no_candidate
from nightforge.store.ledger import CAN_BE_BEST, Ledger
from nightforge.store.schema import candidate


@dataclass(frozen=True, slots=True)
class Standing:
    """What a candidate's row says before a write; the names are those of the table."""

    ordinal: int
    state: CandidateState
    reason: str
    attempt: int
    code_sha: bytes | None
    operator: str | None
    operator_name: str
    note: str
    score: float | None
    score_low: float | None
    verdict: str | None
    starred: bool
    discarded: bool
    finished_us: int | None

    @property
    def can_be_best(self) -> bool:
        return self.state in CAN_BE_BEST and not self.discarded

    def with_program(self, operator_name: str) -> Standing:
        """After a new program was saved: scored by nothing yet."""
        return replace(self, operator_name=operator_name, score=None, score_low=None)


_NAMES = tuple(Standing.__dataclass_fields__)
_HERE = (candidate.c.campaign_key == bindparam("key"), candidate.c.ordinal == bindparam("at"))
_READ = select(*(candidate.c[name] for name in _NAMES)).where(*_HERE)
_SET_STATE = (
    update(candidate)
    .where(*_HERE)
    .values(state=bindparam("new_state"), reason=bindparam("new_reason"), finished_us=bindparam("new_finished_us"))
)


def standing_of(ledger: Ledger, campaign_id: str, ordinal: int) -> Standing:
    row = ledger.connection.execute(_READ, {"key": ledger.campaign_key, "at": ordinal}).first()
    if row is None:
        raise no_candidate(campaign_id, ordinal)
    values = dict(zip(_NAMES, row, strict=True))
    values["state"] = CandidateState(values["state"])
    values["starred"], values["discarded"] = bool(values["starred"]), bool(values["discarded"])
    return Standing(**values)


def change_state(ledger: Ledger, was: Standing, state: CandidateState, reason: str) -> None:
    """Move the candidate, its counters and the best; the same state and reason again change nothing."""
    if (was.state, was.reason) == (state, reason):
        if was.score is None and ledger.counters.best_ordinal == was.ordinal:
            ledger.find_best()
        return
    finished_us = None
    if state.is_terminal:
        finished_us = ledger.at_us if was.finished_us is None else was.finished_us
    values = {"new_state": state, "new_reason": reason, "new_finished_us": finished_us}
    ledger.connection.execute(_SET_STATE, {"key": ledger.campaign_key, "at": was.ordinal, **values})
    ledger.count_state(was.state, state)
    _count_reason(ledger, was, state, reason)
    _count_measured(ledger, was, state)
    payload = {"from": was.state, "to": state, **({"reason": reason} if reason else {})}
    ledger.record("candidate.state", payload, ordinal=was.ordinal)
    _keep_best(ledger, was, state)


def _count_reason(ledger: Ledger, was: Standing, state: CandidateState, reason: str) -> None:
    """Reasons count while a candidate stands rejected or suspicious (or otherwise ended) by them."""
    before = was.reason if was.state.is_terminal else ""
    after = reason if state.is_terminal else ""
    if before != after:
        ledger.count_reason(before, -1)
        ledger.count_reason(after, +1)


def _count_measured(ledger: Ledger, was: Standing, state: CandidateState) -> None:
    change = int(state.may_be_parent) - int(was.state.may_be_parent)
    if change and was.code_sha is not None:
        ledger.count_operator(was.operator_name, measured=change)


def _keep_best(ledger: Ledger, was: Standing, state: CandidateState) -> None:
    if ledger.counters.best_ordinal == was.ordinal:
        if was.score is None or state not in CAN_BE_BEST:
            ledger.find_best()
    elif state in CAN_BE_BEST and not was.discarded and was.score is not None and was.score_low is not None:
        ledger.offer_best(was.ordinal, was.score, was.score_low)
