"""Sections on what it took, what failed, and what to do next."""

from __future__ import annotations

from nightforge.domain.candidate import Arm, Hint
from nightforge.domain.evidence import Gap
from nightforge.domain.words import TeamKind
from nightforge.report.data import ReportData
from nightforge.report.model import Block, Bullets, Code, Column, Paragraph, Section, SectionMaker, Table
from nightforge.report.states import reason_words
from nightforge.report.text import brief, clean_line, counted, duration, money, taken_words

REASONS_SHOWN = 12


def make_cost(data: ReportData) -> Section:
    plan, tally = data.plan, data.campaign.tally
    done = f"{counted(tally.candidates, 'candidate')}, {counted(tally.evaluations, 'evaluation')}{taken_words(tally)}"
    items = [f"{done} in {duration(tally.active_s)}"]
    if plan.team is TeamKind.OFFLINE:
        items.append("no model was used: the offline team wrote every candidate, nothing left this machine")
    else:
        models = ", ".join(clean_line(model.model) for model in plan.models)
        items.append(
            f"models: {models}; {tally.model_calls} calls, {tally.tokens_in} tokens in, {tally.tokens_out} out"
        )
    cap = f" of a cap of {money(plan.budget.cost_usd)}" if plan.budget.cost_usd is not None else ""
    items.append(f"spent: {money(tally.cost_usd)}{cap}")
    items.append(f"sandbox: {data.campaign.tier or 'not stored'}; preset {plan.search.preset}")
    items.extend(_gap_words(gap) for gap in data.gaps)
    items.extend(_hint_words(hint) for hint in data.hints)
    if data.campaign.reason:
        items.append(f"ended by: {reason_words(data.campaign.reason)}")
    return Section(name="cost", title="What it took", blocks=(Bullets(items=tuple(items)),))


def _gap_words(gap: Gap) -> str:
    since = gap.since.astimezone().strftime("%H:%M")
    lasted = f"from {since} for {duration(gap.seconds)}" if gap.until is not None else f"from {since} on"
    if gap.what == "models":
        made = counted(gap.candidates, "candidate")
        return f"no model answered {lasted}; the offline team made {made} meanwhile ({clean_line(gap.detail)[:200]})"
    return f"the machine slept {lasted}; what it was measuring then was measured again"


def _hint_words(hint: Hint) -> str:
    def arm(one: Arm) -> str:
        return f"{one.improved} of {counted(one.candidates, 'candidate')}"

    return (
        f"hint {hint.number}, {brief(hint.text, 100)!r}: {arm(hint.used)} made with it improved on their parent, "
        f"{arm(hint.without)} made without it"
    )


def make_failures(data: ReportData) -> Section | None:
    reasons = sorted(data.campaign.tally.by_reason.items(), key=lambda item: (-item[1], item[0]))
    if not reasons:
        return None
    rows = tuple((clean_line(reason), str(count)) for reason, count in reasons[:REASONS_SHOWN])
    table = Table(columns=(Column(title="reason"), Column(title="candidates", right=True)), rows=rows)
    blocks: list[Block] = [table]
    if len(reasons) > REASONS_SHOWN:
        blocks.append(Paragraph(text=f"{len(reasons) - REASONS_SHOWN} rarer reasons are not listed."))
    return Section(name="failures", title="Failures by reason", blocks=tuple(blocks))


def make_operators(data: ReportData) -> Section | None:
    made_by = {name: counts for name, counts in data.operators.items() if name != "seed"}
    if not made_by:
        return None
    ordered = sorted(made_by.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
    rows = tuple(
        (clean_line(name) or "-", str(made), str(good), f"{good / made:.0%}" if made else "-")
        for name, (made, good) in ordered
    )
    columns = (
        Column(title="operator"),
        Column(title="candidates", right=True),
        Column(title="passed", right=True),
        Column(title="yield", right=True),
    )
    return Section(name="operators", title="What the operators yielded", blocks=(Table(columns=columns, rows=rows),))


def make_next(data: ReportData) -> Section:
    """The analyst's words, and always at least one next step of our own."""
    blocks: list[Block] = []
    steps: list[str] = []
    if data.analysis is not None:
        if data.analysis.summary:
            blocks.append(Paragraph(text=data.analysis.summary))
        steps.extend(data.analysis.next_steps)
    steps.extend(step for step in _own_steps(data) if step not in steps)
    blocks.append(Bullets(items=tuple(steps)))
    if data.analysis is not None and data.analysis.lessons:
        blocks.append(Paragraph(text="Lessons kept for later campaigns:"))
        blocks.append(Bullets(items=data.analysis.lessons))
    return Section(name="next", title="What to try next", blocks=tuple(blocks))


def _own_steps(data: ReportData) -> list[str]:
    campaign_id = data.campaign.campaign_id
    calibration = data.calibration
    steps = []
    if data.room_is_small:
        return ["another goal: the room here is smaller than what this machine can tell apart"]
    if data.winner is None and calibration is not None and calibration.band > 0.05:
        steps.append("a quieter machine: the band of today's noise hides gains below it")
    if data.campaign.reason.startswith("budget:") or data.campaign.reason == "interrupted":
        steps.append(f"more budget: nightforge resume {campaign_id} --hours 8")
    if data.plan.team is TeamKind.OFFLINE:
        steps.append("a model: nightforge run with --model NAME brings ideas that no built-in operator has")
    if not steps:
        steps.append(f"read what failed and why: nightforge show {campaign_id}")
    return steps


def make_reproduce(data: ReportData) -> Section:
    plan = data.plan
    top = data.winner or data.top
    ref = top.ref if top is not None else f"{data.campaign.campaign_id}.0"
    settings = "".join(f" --set {name}={value}" for name, value in plan.parameters.items())
    commands = [
        f"nightforge show --code {ref} > candidate",
        f"nightforge eval candidate --task {plan.task}{settings} --confirm",
    ]
    items = [f"campaign {data.campaign.campaign_id}, search seed {plan.search.seed}, task {plan.task}"]
    if data.calibration is not None and data.calibration.machine:
        machine = ", ".join(f"{name} {value}" for name, value in data.calibration.machine.items())
        items.append(f"machine: {clean_line(machine)}")
    evidence = (top.confirmation or top.evidence) if top is not None else None
    if evidence is not None:
        tools = {name: version for stage in evidence.stages for name, version in stage.tools.items()}
        if tools:
            items.append("tools: " + clean_line(", ".join(_tool(name, version) for name, version in tools.items())))
    return Section(
        name="reproduce",
        title="How to reproduce",
        blocks=(Code(language="sh", text="\n".join(commands)), Bullets(items=tuple(items))),
    )


def _tool(name: str, version: str) -> str:
    """Some tools say their own name in their version."""
    return version if version.startswith(f"{name} ") else f"{name} {version}"


cost = SectionMaker(order=70, make=make_cost)
failures = SectionMaker(order=80, make=make_failures)
operators = SectionMaker(order=90, make=make_operators)
next_steps = SectionMaker(order=100, make=make_next)
reproduce = SectionMaker(order=110, make=make_reproduce)
