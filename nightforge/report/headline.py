"""The report in one sentence. Only confirmed numbers are called results."""

from __future__ import annotations

import re

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Metric
from nightforge.domain.scoring import gain_stands
from nightforge.domain.words import DROPPED_EARLY, CampaignState, CandidateState
from nightforge.report.data import ReportData, shown_evidence, shown_metric
from nightforge.report.states import GONE, class_note
from nightforge.report.text import counted, is_exact, number, with_interval

NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"

MADE_BY = {
    "foreign": "another engine's evaluator gave with the candidate in its process",
    "self-reported": "the candidate could have written itself",
}
STILL_GOING = {
    CampaignState.PLANNED: "Not started: the plan waits for approval.",
    CampaignState.RUNNING: "Still running",
    CampaignState.DRAINING: "Still draining",
    CampaignState.PAUSED: "Paused",
}
PROCESS_GONE = "Paused, its process is gone"


def headline(data: ReportData) -> str:
    state = data.campaign.state
    going = PROCESS_GONE if data.campaign.reason == GONE else STILL_GOING.get(state, "")
    winner = data.winner
    if winner is not None:
        return f"{going}. {_found(data, winner)}" if going else _found(data, winner)
    if state is CampaignState.PLANNED:
        return going
    if going:
        return f"{going}: nothing is confirmed yet{_best_measured(data)}."
    if state is CampaignState.FAILED:
        return f"Failed, and nothing was found: {data.campaign.reason or 'no reason was stored'}."
    return _nothing_found(data)


def _found(data: ReportData, winner: Candidate) -> str:
    metric = shown_metric(winner, data.objective.metric)
    assert metric is not None
    reference = reference_title(data)
    if data.objective.unit == "x":
        amount = f"Found {number(metric.value)} times the strongest baseline ({reference})"
    else:
        amount = f"Found {amount_text(data, metric.value)}, against {reference_amount(data)} of {reference}"
    return f"{amount}, confirmed{_interval_words(metric)}: candidate {winner.ref}{_threads(data)}."


def _nothing_found(data: ReportData) -> str:
    reference = reference_title(data)
    top = data.top
    if top is None:
        return _nothing_ranked(data)
    metric = shown_metric(top, data.objective.metric)
    if metric is None:
        return f"No gain over {reference} was confirmed."
    word = (
        "confirmed" if top.state is CandidateState.CONFIRMED else "re-measured" if top.confirmation else "measured only"
    )
    if top.evidence is not None and not top.evidence.evidence_class.can_be_confirmed and _is_better(data, top):
        kind = top.evidence.evidence_class.value
        return (
            f"Nothing is confirmed: {amount_text(data, metric.value)}{_interval_words(metric)} against "
            f"{reference_amount(data)} of {reference} is a {kind} number, which {MADE_BY[kind]}: candidate {top.ref}."
        )
    parts = [
        f"No gain over {reference} that this machine can tell apart: the closest gives "
        f"{amount_text(data, metric.value)}{_interval_words(metric)} ({word}{class_note(shown_evidence(top))})"
    ]
    if data.smallest_gain is not None:
        parts.append(f"a gain counts from {amount_text(data, data.smallest_gain)}")
    if data.calibration is not None and data.calibration.room is not None:
        parts.append(f"the room is at most {amount_text(data, data.calibration.room)}")
    return "; ".join(parts) + f"{_threads(data)}."


def _nothing_ranked(data: ReportData) -> str:
    """Nothing but the seed is ranked. What was measured all the same is said, and why it does not count."""
    tally = data.campaign.tally
    others = tally.candidates - 1
    if others < 1:
        return "No gain: no candidate was evaluated beside the seed."
    slow = sum(tally.by_reason.get(reason, 0) for reason in DROPPED_EARLY)
    held = tally.by_state.get(CandidateState.SUSPICIOUS, 0)
    passed = tally.by_state.get(CandidateState.MEASURED, 0) + tally.by_state.get(CandidateState.CONFIRMED, 0)
    discarded = passed - len(data.ranked)
    kinds = (
        (slow, "dropped while being measured, as worse"),
        (held, "held out as suspicious"),
        (discarded, "discarded by a person"),
    )
    found = [f"{count} {'was' if count == 1 else 'were'} {words}" for count, words in kinds if count]
    if not found:
        return "No gain: no candidate passed every stage."
    rest = others - slow - held - discarded
    tail = "; none of the others passed every stage" if rest > 0 else ""
    listed = " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))
    return f"No gain: of {counted(others, 'candidate')} beside the seed {listed}{tail}."


def _is_better(data: ReportData, top: Candidate) -> bool:
    """Than the reference, by the same bound that a confirmed gain has to reach."""
    evidence = shown_evidence(top)
    return (
        evidence is not None
        and data.calibration is not None
        and gain_stands(evidence, data.objective, data.calibration)
    )


def _best_measured(data: ReportData) -> str:
    top = data.top
    metric = shown_metric(top, data.objective.metric) if top is not None else None
    if metric is None:
        return ""
    words = f"; the best is measured at {with_interval(metric)} {data.objective.unit}".rstrip()
    return words + class_note(shown_evidence(top) if top is not None else None)


def amount_text(data: ReportData, value: float) -> str:
    # An objective that tells millionths apart is not rounded to three digits.
    shown = f"{value:.9g}" if 0 < data.objective.epsilon <= 1e-6 else number(value)
    return f"{shown} {data.objective.unit}".rstrip()


def reference_title(data: ReportData) -> str:
    return (data.reference.title or data.reference.name).rstrip(".") if data.reference else "the reference"


def reference_amount(data: ReportData) -> str:
    return amount_text(data, data.reference_value) if data.reference_value is not None else "an unknown amount"


def _interval_words(metric: Metric) -> str:
    if metric.low is None or metric.high is None or is_exact(metric):
        return ""
    _, low, high = re.findall(NUMBER, with_interval(metric))
    return f", 95 % interval {low} to {high}"


def _threads(data: ReportData) -> str:
    """The number of threads is part of every timing claim."""
    threads = data.plan.parameters.get("threads")
    return f", threads = {threads}" if threads is not None else ""
