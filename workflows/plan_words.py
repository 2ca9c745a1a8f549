"""The plan card in words: what a person sees before anything is spent, in a terminal and on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightforge.domain.words import Direction, EvidenceClass, SandboxTier, TeamKind
from nightforge.report.text import clean, clean_line, counted, duration, metric_text, money, number

if TYPE_CHECKING:
    from nightforge.domain.evidence import Calibration
    from nightforge.domain.plan import Plan, StopSpec
    from workflows.contract import PlanCard

UNSAFE = "WITHOUT A SANDBOX (--unsafe-local): candidates can do all that you can do on this machine"


def card_rows(card: PlanCard) -> list[tuple[str, str]]:
    plan, task, calibration = card.plan, card.task, card.calibration
    rows = [("goal", clean(plan.goal)), ("task", f"{task.name}: {task.title}")]
    if plan.parameters:
        rows.append(("", ", ".join(f"{name} = {value}" for name, value in plan.parameters.items())))
    for objective in plan.objectives:
        push = "higher is better" if objective.direction is Direction.MAX else "lower is better"
        title = f": {objective.title}" if objective.title else ""
        rows.append(("objective", f"{objective.metric} in {objective.unit}, {push}{title}"))
    rows.extend(("", f"{one.metric} {one.relation} {number(one.bound)} {one.unit}") for one in plan.constraints)
    rows.append(
        ("evaluator", f"{task.domain}: " + " → ".join(f"{stage.name} ({stage.title})" for stage in task.stages))
    )
    if calibration.evidence_class is not EvidenceClass.ISOLATED:
        rows.append(("evidence", f"{calibration.evidence_class.value}: {calibration.evidence_class.meaning}"))
    rows.extend(_baseline_rows(calibration, plan.objectives[0].metric))
    rows.append(
        (
            "noise",
            f"{calibration.noise.value:.2%} between equal runs; smallest gain that can be told apart: "
            f"{smallest_gain(card)}",
        )
    )
    rows.append(("room", _room(card)))
    rows.extend(_integrity_rows(card))
    rows.append(("hidden", _openings(card)))
    rows.append(("sandbox", UNSAFE if card.tier is SandboxTier.UNSAFE_LOCAL else card.tier.value))
    rows.append(("leaves here", clean(card.disclosure)))
    rows.append(("team", _team(plan)))
    rows.append(
        (
            "search",
            f"preset {plan.search.preset}, {_in_flight(plan)}, seed {plan.search.seed}, "
            f"the best {plan.search.confirm_top} are confirmed",
        )
    )
    rows.append(("budget", budget_text(plan)))
    rows.append(("estimate", estimate_text(card)))
    rows.append(("stops at", "; ".join(["the budget", *(stop_text(stop) for stop in plan.stop)])))
    rows.extend(("assumed", clean(note)) for note in plan.notes)
    return rows


def _in_flight(plan: Plan) -> str:
    slots = plan.search.evaluation_slots
    if plan.search.in_flight is not None:
        return f"{plan.search.in_flight} in flight"
    if plan.team is TeamKind.OFFLINE:
        return f"{slots} in flight"
    return f"as many in flight as keep {slots} evaluation slot{'s' if slots > 1 else ''} busy"


def _baseline_rows(calibration: Calibration, metric: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for baseline in calibration.baselines:
        label = "" if rows else "baselines"
        mark = " ← reference" if baseline.name == calibration.reference else ""
        if not baseline.available:
            rows.append(
                (label, f"{baseline.title or baseline.name}: not measured: {clean_line(baseline.missing_reason)}")
            )
            continue
        shown = [
            f"{title} {metric_text(baseline.metrics[name])}"
            for name, title in ((metric, metric), ("cpu_ms", "cpu"), ("wall_ms", "wall"))
            if name in baseline.metrics
        ]
        rows.append((label, f"{baseline.title or baseline.name}: {', '.join(shown)}{mark}"))
    return rows


def _openings(card: PlanCard) -> str:
    found = card.hidden
    if not found.task:
        return "inputs never looked at in this database; for finalists only"
    aside = f", {found.aside} of them by `nightforge eval`" if found.aside else ""
    return f"inputs looked at {found.task} times in this database{aside}; for finalists only"


def _integrity_rows(card: PlanCard) -> list[tuple[str, str]]:
    """The mutation score of the evaluator on this task; the wrong programs that it let pass are told elsewhere."""
    found = card.integrity
    check = f"nightforge task check {card.plan.task}"
    if found.problem:
        return [("integrity", f"not known: {clean(found.problem)} (`{check}` says)")]
    if found.score is None:
        return [("integrity", f"no mutation score: `{check}` says why")]
    apart = ", ".join(f"{found.counts.get(fate, 0)} {fate}" for fate in ("equivalent", "sub-tolerance"))
    caught = f"{found.counts.get('caught', 0)} of {found.counts.get('caught', 0) + len(found.survivors)}"
    rows = [("integrity", f"mutation score {found.score:.1%}: {caught} wrong programs caught ({apart} apart)")]
    if found.survivors:
        rows.append(("", f"{counted(len(found.survivors), 'survivor')}: nightforge tasks {card.plan.task}"))
    rows.extend(("", f"⚠ {clean_line(complaint)}") for complaint in found.complaints)
    return rows


def smallest_gain(card: PlanCard) -> str:
    """The band as an amount of the objective: 1.04 x for a ratio against the reference."""
    reference = reference_value(card)
    band = card.calibration.band
    if band == 0 and reference is not None:
        # A score may be negative, or zero: then a part of the reference says nothing.
        return f"any (better than {number(reference)} {card.plan.objectives[0].unit}, the best baseline's)"
    if not reference:
        return f"{band:.2%}"
    objective = card.plan.objectives[0]
    bound = _size(card, reference * (1 + band * (1 if objective.direction is Direction.MAX else -1)))
    return bound if objective.unit == "x" else f"{_size(card, abs(reference * band))} ({bound} and better)"


def reference_value(card: PlanCard) -> float | None:
    for baseline in card.calibration.baselines:
        if baseline.name == card.calibration.reference:
            metric = baseline.metrics.get(card.plan.objectives[0].metric)
            return None if metric is None else metric.value
    return None


def _size(card: PlanCard, value: float) -> str:
    return f"{number(value)} {card.plan.objectives[0].unit}".rstrip()


def _room(card: PlanCard) -> str:
    calibration = card.calibration
    if calibration.room is None:
        return "not known: no roof or proven bound"
    roof = ", ".join(f"{name} {metric_text(metric)}" for name, metric in calibration.roof.items())
    reason = clean_line(calibration.room_reason)
    details = "; ".join(part for part in (reason, roof) if part)
    small = ": NOT MORE than the smallest gain that can be told apart" if card.room_is_small else ""
    return f"at most {_size(card, calibration.room)}{small}" + (f" ({details})" if details else "")


def _team(plan: Plan) -> str:
    if not plan.models:
        return "offline: no model is used"
    prices = []
    for model in plan.models:
        price = (
            f"${model.input_usd_per_mtok:g} in, ${model.output_usd_per_mtok:g} out per million tokens"
            if (model.input_usd_per_mtok is not None and model.output_usd_per_mtok is not None)
            else "price not known"
        )
        prices.append(f"{clean_line(model.model)} at {model.base_url or 'api.openai.com'} ({price})")
    return "; ".join(prices)


def budget_text(plan: Plan) -> str:
    budget = plan.budget
    caps = []
    if budget.wall_s is not None:
        caps.append(duration(budget.wall_s))
    if budget.evaluations is not None:
        caps.append(f"{budget.evaluations} evaluations")
    if budget.cost_usd is not None:
        caps.append(money(budget.cost_usd))
    if budget.tokens is not None:
        caps.append(f"{budget.tokens} tokens")
    return ", ".join(caps) + (" (whichever ends first)" if len(caps) > 1 else "")


def estimate_text(card: PlanCard) -> str:
    estimate = card.estimate
    evaluations = "-".join(dict.fromkeys(str(count) for count in estimate.evaluations))
    wall = "-".join(dict.fromkeys(duration(seconds) for seconds in estimate.wall_s))
    cost = "-".join(dict.fromkeys(money(dollars) for dollars in estimate.cost_usd))
    return f"{wall}, {evaluations} evaluations, {cost}"


STOPS = {
    "target": ("value", "the best's lower bound reaches {:g}"),
    "patience": ("evaluations", "{:g} evaluations without a better one"),
    "near-bound": ("fraction", "the best reaches {:.0%} of the room"),
}


def stop_text(stop: StopSpec) -> str:
    """Our rules in words; a rule of another package by its name and numbers."""
    name, words = STOPS.get(stop.rule, ("", ""))
    value = stop.parameters.get(name)
    if isinstance(value, int | float):
        return f"{stop.rule}: {words.format(value)}"
    parameters = ", ".join(f"{name} {value}" for name, value in stop.parameters.items())
    return f"{stop.rule}" + (f" ({parameters})" if parameters else "")
