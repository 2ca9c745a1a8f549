"""Sections on what was found and why it is believed."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Baseline, Evidence, Metric
from nightforge.domain.words import CandidateState, Direction, EvidenceClass
from nightforge.report.data import RANKED_SHOWN, ReportData, shown_evidence, shown_metric, stated_metric
from nightforge.report.headline import amount_text, reference_title
from nightforge.report.model import Block, Bullets, Code, Column, Paragraph, Section, SectionMaker, Table
from nightforge.report.states import class_note, shape_and_word
from nightforge.report.text import brief, clean_line, counted, number, with_interval

CLOCKS = ("cpu_ms", "wall_ms", "device_ms")
DIFF_LINES = 400
CLOSEST = 3
NOTE_CHARACTERS = 160
EQUALS = "Of measured candidates with equal scores the first stands here."
EXPECTED = {"pass": "pass", "reject": "be rejected", "no-gain": "gain nothing"}


def metric_cell(metric: Metric | None) -> str:
    return "-" if metric is None else with_interval(metric)


def make_ranked(data: ReportData) -> Section | None:
    """Confirmed value and interval, the state as shape and word; measured values are marked as such."""
    shown = (*data.ranked[: RANKED_SHOWN + 1], *data.suspicious)
    if not shown:
        return None
    objective = data.objective
    clocks = [clock for clock in CLOCKS if any(stated_metric(one, clock) is not None for one in shown)]
    columns = [
        Column(title="rank", right=True),
        Column(title="candidate"),
        Column(title="state"),
        Column(title=f"confirmed {objective.metric} ({objective.unit})", right=True),
        Column(title=f"measured {objective.metric} ({objective.unit})", right=True, minor=True),
        *(Column(title=clock.replace("_ms", " (ms)"), right=True, minor=True) for clock in clocks),
        Column(title="operator", minor=True),
    ]
    rows = []
    for rank, one in enumerate(shown, start=1):
        confirmed = one.confirmation.metrics.get(objective.metric) if one.confirmation else None
        measured = one.evidence.metrics.get(objective.metric) if one.evidence else None
        rows.append(
            (
                "-" if one.state is CandidateState.SUSPICIOUS else str(rank),
                one.ref,
                shape_and_word(one),
                metric_cell(confirmed) if one.state is CandidateState.CONFIRMED else "-",
                metric_cell(measured),
                *(_value(stated_metric(one, clock)) for clock in clocks),
                "seed" if one.ordinal == 0 else one.operator_name or (one.operator.value if one.operator else "-"),
            )
        )
    table = Table(columns=tuple(columns), rows=tuple(rows))
    notes = tuple(f"{one.ref}: {note}" for one in shown if (note := _note(data, one)))
    if lead := _why_first(data, shown):
        notes = (lead, *notes)
    blocks: list[Block] = [table]
    if data.has_equals:
        blocks.append(Paragraph(text=EQUALS))
    if notes:
        blocks.append(Bullets(items=notes))
    return Section(name="ranked", title="Ranked candidates", blocks=tuple(blocks))


def _why_first(data: ReportData, shown: Sequence[Candidate]) -> str:
    """Said where the first one's number is not the best of the table; empty elsewhere."""
    first, *others = shown
    if data.duels is None or first.ordinal != data.duels.champion or first.score_low is None:
        return ""
    passed = [
        one.ref
        for one in others
        if one.state is CandidateState.CONFIRMED and one.score_low is not None and one.score_low > first.score_low
    ]
    if not passed:
        return ""
    return (
        f"{first.ref} leads {', '.join(passed)}: measured in turns in the same rounds it was faster, which says more "
        "than numbers of different minutes"
    )


def _note(data: ReportData, one: Candidate) -> str:
    """What was changed, and what a re-measurement gave that confirmed nothing."""
    words = one.note or one.reason.replace("_", " ")
    parts = [brief(words, NOTE_CHARACTERS)] if words and one.ordinal != 0 else []
    if one.confirmation is not None and one.state is not CandidateState.CONFIRMED:
        again = one.confirmation.metrics.get(data.objective.metric)
        value = f" at {with_interval(again)} {data.objective.unit}".rstrip() if again is not None else ""
        parts.append(f"re-measured{value}: {clean_line(one.reason.replace('_', ' ')) or 'not confirmed'}")
    return "; ".join(parts)


def _value(metric: Metric | None) -> str:
    return "-" if metric is None else number(metric.value)


def make_gains(data: ReportData) -> Section | None:
    """The best candidate against every baseline, each measured in its own environment."""
    top = data.winner or data.top
    if data.calibration is None or not data.calibration.baselines:
        return None
    rows = []
    for baseline in data.calibration.baselines:
        own = baseline.metrics.get(data.objective.metric)
        rows.append(
            (
                (baseline.title or baseline.name)
                + (" (reference)" if baseline.name == data.calibration.reference else ""),
                metric_cell(own) if baseline.available else f"not measured: {clean_line(baseline.missing_reason)}",
                _gain(data, top, baseline) if top is not None else "-",
            )
        )
    word = "measured"
    if top is not None and top.confirmation is not None:
        word = "confirmed" if top.state is CandidateState.CONFIRMED else "re-measured"
    word += class_note(shown_evidence(top)) if top is not None else ""
    title = f"{word} gain of {top.ref}" if top is not None else "gain"
    table = Table(
        columns=(
            Column(title="baseline"),
            Column(title=f"its {data.objective.metric} ({data.objective.unit})", right=True),
            Column(title=title, right=True),
        ),
        rows=tuple(rows),
    )
    environments = tuple(
        f"{baseline.name}: " + clean_line(", ".join(f"{key} {value}" for key, value in baseline.environment.items()))
        for baseline in data.calibration.baselines
        if baseline.environment and baseline.available
    )
    blocks = (table, Bullets(items=environments)) if environments else (table,)
    return Section(name="gains", title="Gain over each baseline", blocks=blocks)


def _gain(data: ReportData, top: Candidate, baseline: Baseline) -> str:
    """The evaluator's own gain against this baseline, taken in the same rounds; else the plain difference, which is
    positive where the candidate is better."""
    name, unit = data.objective.metric, data.objective.unit
    gain, value = shown_metric(top, f"{name}.{baseline.name}"), shown_metric(top, name)
    if gain is None and unit == "x" and data.calibration is not None and baseline.name == data.calibration.reference:
        gain = value
    if gain is not None:
        return f"{with_interval(gain)} {gain.unit}".rstrip()
    own = baseline.metrics.get(name)
    if unit == "x" or value is None or own is None:
        return "-"
    gain_in_units = value.value - own.value
    if data.objective.direction is Direction.MIN:
        gain_in_units = -gain_in_units
    return f"{'+' if gain_in_units > 0 else ''}{number(gain_in_units)} {unit}".rstrip()


def make_closest(data: ReportData) -> Section | None:
    """Where nothing won: the best attempts that differ in how they were made, and what stood in their way."""
    if data.winner is not None or not data.attempts:
        return None
    seen: set[str] = set()
    items = []
    for one in data.attempts:
        kind = one.operator_name or (one.operator.value if one.operator else "")
        if kind in seen:
            continue
        seen.add(kind)
        metric = shown_metric(one, data.objective.metric)
        value = f"{with_interval(metric)} {data.objective.unit}".rstrip() if metric is not None else "no value"
        reason = f", {one.reason.replace('_', ' ')}" if one.reason else ""
        note = f": {brief(one.note, 120)}" if one.note else ""
        items.append(f"{one.ref} ({kind}) {value}{class_note(one.evidence)}{reason}{note}")
        if len(items) == CLOSEST:
            break
    return Section(name="closest", title="Closest distinct attempts", blocks=(Bullets(items=tuple(items)),))


def make_room(data: ReportData) -> Section | None:
    """What this machine can tell apart, and what is left to gain."""
    calibration = data.calibration
    if calibration is None:
        return None
    items = [
        f"noise between equal runs: {calibration.noise.value:.2%}; a gain over {reference_title(data)} counts "
        f"from a band of {calibration.band:.2%}"
    ]
    if calibration.room is not None:
        reason = f" ({clean_line(calibration.room_reason)})" if calibration.room_reason else ""
        items.append(f"room: at most {amount_text(data, calibration.room)}{reason}")
        if data.room_is_small:
            items.append("the room is not larger than what can be told apart here: a result was not to be expected")
    else:
        items.append("room: not known, no roof or proven bound was measured")
    items.extend(
        f"the roof's {name}: {metric_cell(metric)} {metric.unit}".rstrip() for name, metric in calibration.roof.items()
    )
    return Section(name="room", title="Noise and room", blocks=(Bullets(items=tuple(items)),))


def make_diff(data: ReportData) -> Section | None:
    top = data.winner or data.top
    if top is None or not data.top_diff:
        return None
    lines = data.top_diff.splitlines()
    blocks: list[Block] = [Code(language="diff", text="\n".join(lines[:DIFF_LINES]))]
    if len(lines) > DIFF_LINES:
        blocks.append(Paragraph(text=f"{len(lines) - DIFF_LINES} lines more: nightforge diff {top.ref} seed"))
    return Section(name="diff", title=f"What changed from the seed to {top.ref}", blocks=tuple(blocks))


def make_belief(data: ReportData) -> Section | None:
    """Repeats, hidden inputs, checks, rehearsal: the reasons to believe the best candidate's number."""
    top = data.winner or data.top
    items = []
    if top is not None:
        items.extend(_evidence_reasons(data, top))
    if data.rehearsal is not None and data.rehearsal.checks:
        held = sum(check.held for check in data.rehearsal.checks)
        items.append(f"rehearsal: {held} of {len(data.rehearsal.checks)} candidates of known fate met it")
        items.extend(
            f"  {check.path} had to {EXPECTED.get(check.expect, check.expect)}: {clean_line(check.outcome)}"
            for check in data.rehearsal.checks
        )
    items.extend(f"model {clean_line(one.describe())}" for one in data.models)
    items.extend(clean_line(said) for said in data.undelivered)
    items.extend(_duel_lines(data))
    if data.hidden is not None and data.hidden.campaign:
        items.append(
            f"hidden inputs: opened {counted(data.hidden.campaign, 'time')}, for finalists only; "
            f"{counted(data.hidden.task, 'time')} by {counted(data.hidden.campaigns, 'campaign')} and "
            "`nightforge eval` on this task in this database"
        )
    if held_out := data.campaign.tally.by_state.get(CandidateState.SUSPICIOUS):
        items.append(f"passed the search and failed the confirmation (⚠): {held_out}")
    return Section(name="belief", title="Why it is believed", blocks=(Bullets(items=tuple(items)),)) if items else None


def _duel_lines(data: ReportData) -> list[str]:
    """What came of measuring the confirmed against each other, with the gain and how often a window was too noisy."""
    lines = []
    for duel in data.duels.duels if data.duels else ():
        finding, campaign_id = duel.finding, data.campaign.campaign_id
        words = {
            "challenger": "dethroned it",
            "champion": "is slower",
            "not distinguishable": "is not distinguishable from it",
            "too noisy": "could not be told from it: every window was too noisy",
            "failed": f"could not meet it: {clean_line(finding.reason)}",
        }[finding.verdict]
        gain = f" ({with_interval(finding.gain)} {finding.gain.unit})" if finding.gain is not None else ""
        repeated = sum(bool(window.noise) for window in finding.windows)
        noisy = f"; {repeated} noisy windows were not decided" if repeated else ""
        lines.append(
            f"{campaign_id}.{duel.challenger} beside {campaign_id}.{duel.champion} in the same rounds: "
            f"it {words}{gain}{noisy}"
        )
    return lines


def _evidence_reasons(data: ReportData, top: Candidate) -> list[str]:
    evidence = shown_evidence(top)
    if evidence is None:
        return []
    items = []
    if top.confirmation is not None:
        items.append(f"{top.ref} was measured again in a fresh process, with fresh seeds, on hidden inputs")
    else:
        items.append(f"{top.ref} was not re-measured: its number is measured, not confirmed")
    items.append(_class_sentence(evidence))
    metric = evidence.metrics.get(data.objective.metric)
    if metric is not None and metric.samples > 1:
        interval = "; the interval is the 95 % interval over them" if metric.low is not None else ""
        items.append(f"{metric.samples} samples{interval}")
    passed = ", ".join(f"{stage.stage} ({stage.outcome.value})" for stage in evidence.stages)
    items.append(f"stages: {passed}")
    seeds = sorted({stage.seed for stage in evidence.stages if stage.seed is not None})
    if seeds:
        items.append(f"seeds of the inputs: {', '.join(map(str, seeds))}")
    if top.verdict is not None and top.verdict.suspicion:
        items.append(f"the judge's suspicion (beside the number, never in it): {clean_line(top.verdict.suspicion)}")
    return items


def _class_sentence(evidence: Evidence) -> str:
    tier = evidence.tier.value
    if evidence.evidence_class is EvidenceClass.ISOLATED:
        return f"timed and checked outside the candidate's process (sandbox {tier})"
    return f"evidence is {evidence.evidence_class.value} (sandbox {tier}): {evidence.evidence_class.meaning}"


closest = SectionMaker(order=10, make=make_closest)
ranked = SectionMaker(order=20, make=make_ranked)
gains = SectionMaker(order=30, make=make_gains)
room = SectionMaker(order=40, make=make_room)
diff = SectionMaker(order=50, make=make_diff)
belief = SectionMaker(order=60, make=make_belief)
