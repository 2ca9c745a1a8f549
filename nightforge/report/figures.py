"""The few numbers above a report."""

from __future__ import annotations

from nightforge.domain.words import CandidateState
from nightforge.report.data import ReportData, shown_metric
from nightforge.report.headline import reference_title
from nightforge.report.model import Figure
from nightforge.report.text import counted, duration, money, number, with_interval


def figures_of(data: ReportData) -> tuple[Figure, ...]:
    tally = data.campaign.tally
    failed = tally.by_state.get(CandidateState.REJECTED, 0) + tally.by_state.get(CandidateState.SUSPICIOUS, 0)
    worst = max(tally.by_reason.items(), key=lambda item: (item[1], item[0]), default=None)
    share = f"{failed / tally.candidates:.0%}" if tally.candidates else "0 %"
    rate = tally.evaluations / tally.active_s * 3600 if tally.active_s > 0 else 0.0
    cap = data.plan.budget.cost_usd
    confirmed = tally.by_state.get(CandidateState.CONFIRMED, 0)
    return (
        _best(data),
        Figure(value=f"{tally.evaluations:,}", beside=f"{number(round(rate))} / h", label="evaluations"),
        Figure(value=f"{confirmed:,}", beside=f"of {tally.candidates:,}", label="candidates confirmed"),
        Figure(
            value=share,
            beside=f"{failed:,}",
            label=f"failed, most: {worst[0].replace('_', ' ')}" if worst and failed else "failed",
        ),
        Figure(
            value=money(tally.cost_usd),
            beside=f"of {money(cap)}" if cap is not None else "",
            label=f"for {counted(tally.model_calls, 'model call')}" if tally.model_calls else "no model was asked",
        ),
        Figure(value=duration(tally.active_s), label=f"at work, sandbox {data.campaign.tier or 'not stored'}"),
    )


def _best(data: ReportData) -> Figure:
    top = data.winner or data.top
    metric = None if top is None else shown_metric(top, data.objective.metric)
    if top is None or metric is None:
        return Figure(value="none", label="nothing is measured yet")
    word = top.state.value if top.confirmation is None or top.state is CandidateState.CONFIRMED else "re-measured"
    unit = data.objective.unit
    value, _, interval = with_interval(metric).partition(" [")
    against = f", against {reference_title(data)}" if data.reference is not None else ""
    return Figure(
        value=f"{value}{'×' if unit == 'x' else f' {unit}' if unit else ''}",
        beside=interval.rstrip("]").replace(", ", " – "),
        label=f"best {word}{against}",
    )
