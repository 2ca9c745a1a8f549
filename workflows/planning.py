"""A reading of the goal, what the person set by flag and the task's defaults become a plan and its card."""

from __future__ import annotations

from collections.abc import Mapping

from evaluators.integrity.stored import summarise
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration
from nightforge.domain.integrity import HiddenOpenings
from nightforge.domain.plan import Budget, GoalReading, Plan, SearchSpec, StopSpec
from nightforge.domain.scoring import room_is_small
from nightforge.domain.task import Task
from nightforge.domain.words import Direction, SandboxTier, TeamKind
from nightforge.errors import BudgetRefused, UserError
from nightforge.report.text import counted, duration
from workflows.contract import Estimate, NightRequest, PlanCard
from workflows.parameters import typed_parameters
from workflows.presets import Preset, find_preset
from workflows.stopping import CONFIRMATION_COST, DUEL_COST

DEFAULT_MINUTES = 10.0
LEAST_EVALUATIONS = 3
"""Below these, time is spent and nothing searched: the card says so."""
USEFUL_EVALUATIONS = 20
TYPICAL_TOKENS = (3_000, 1_500)
"""Input and output of a typical coder call, for the estimate only."""


def make_plan(request: NightRequest, reading: GoalReading, task: Task) -> Plan:
    """Flags win over the goal's own words, those over the task's defaults. BudgetRefused on a cap of zero."""
    preset = find_preset(request.preset or ("team" if request.team is TeamKind.LLM else "solo"))
    budget, notes = merge_budgets(request.budget, reading.budget, task)
    parameters = {parameter.name: parameter.default for parameter in task.parameters}
    parameters |= reading.parameters | typed_parameters(task, request.parameters)
    check_parameters(task, parameters)
    target = request.target if request.target is not None else reading.target
    return Plan(
        goal=reading.goal,
        task=task.name if not request.task or "/" not in request.task else request.task,
        parameters=parameters,
        objectives=task.objectives,
        constraints=task.constraints,
        budget=budget,
        search=_search(request, preset),
        stop=_stop_rules(request, task, target),
        team=request.team,
        models=request.models,
        notes=(*reading.notes, *notes),
    )


def merge_budgets(flags: Budget, words: Budget, task: Task) -> tuple[Budget, tuple[str, ...]]:
    merged = Budget(
        **{
            name: flag if (flag := getattr(flags, name)) is not None else getattr(words, name)
            for name in Budget.model_fields
        }
    )
    check_budget(merged)
    if merged.is_bounded:
        return merged, ()
    minutes = task.budget.minutes or (None if task.budget.evaluations else DEFAULT_MINUTES)
    budget = Budget(evaluations=task.budget.evaluations, wall_s=minutes * 60 if minutes else None)
    return budget, ("No limit was given: the task's default budget is taken.",)


def check_budget(budget: Budget) -> None:
    for name, flag in (
        ("evaluations", "--evaluations"),
        ("wall_s", "--minutes"),
        ("cost_usd", "--max-usd"),
        ("tokens", "--max-tokens"),
    ):
        if getattr(budget, name) == 0:
            raise BudgetRefused("a budget of zero cannot pay for anything", where=flag, hint=f"give {flag} above zero")


def check_parameters(task: Task, parameters: Mapping[str, Scalar]) -> None:
    """UserError for a parameter that the task does not have, or a value that it does not offer."""
    known = {parameter.name: parameter for parameter in task.parameters}
    for name, value in parameters.items():
        if name not in known:
            raise UserError(
                f"task {task.name} has no parameter {name!r}",
                where="plan.parameters",
                hint=f"it has: {', '.join(known)}",
            )
        parameter = known[name]
        if parameter.choices and value not in parameter.choices:
            offered = ", ".join(str(choice) for choice in parameter.choices)
            raise UserError(
                f"{name} = {value!r} is not on offer", where=f"task {task.name}", hint=f"choose one of: {offered}"
            )
        if isinstance(value, (int, float)) and (
            (parameter.minimum is not None and value < parameter.minimum)
            or (parameter.maximum is not None and value > parameter.maximum)
        ):
            raise UserError(
                f"{name} = {value} is outside {parameter.minimum} … {parameter.maximum}", where=f"task {task.name}"
            )


def _search(request: NightRequest, preset: Preset) -> SearchSpec:
    defaults = SearchSpec(preset=preset.name, drafts=preset.drafts, repairs=preset.repairs)
    names = (
        "policy",
        "proposal_slots",
        "evaluation_slots",
        "reuse_evaluations",
        "seed",
        "in_flight",
        "demonstrations",
        "knowledge",
        "repairs",
        "drafts",
    )
    chosen = {name: value for name in names if (value := getattr(request, name)) is not None}
    return SearchSpec.model_validate(defaults.model_dump() | chosen)


def _stop_rules(request: NightRequest, task: Task, target: float | None) -> tuple[StopSpec, ...]:
    rules = []
    if task.objective.direction is Direction.MAX:
        rules.append(StopSpec(rule="near-bound", parameters={"fraction": 0.97}))
    if target is not None:
        value = target if task.objective.direction is Direction.MAX else -target
        rules.append(StopSpec(rule="target", parameters={"value": value}))
    if request.until is not None:
        rules.append(StopSpec(rule="until", parameters={"at": request.until}))
    if request.patience is not None:
        rules.append(StopSpec(rule="patience", parameters={"evaluations": request.patience}))
    return tuple(rules)


def make_card(
    plan: Plan,
    task: Task,
    calibration: Calibration,
    tier: SandboxTier,
    disclosure: str,
    *,
    campaign_id: str,
    hidden: HiddenOpenings,
) -> PlanCard:
    warnings = []
    if tier is SandboxTier.UNSAFE_LOCAL:
        warnings.append("NO SANDBOX: candidates run with your rights on this machine (--unsafe-local).")
    small = room_is_small(plan.objectives[0], calibration)
    if small:
        warnings.append("The room that is left is not larger than the smallest gain this machine can tell apart.")
    warnings.extend(
        f"Baseline {baseline.name} is missing: {baseline.missing_reason}"
        for baseline in calibration.baselines
        if not baseline.available
    )
    expected = estimate(plan, calibration, rehearsed=len(task.rehearsal))
    if expected.evaluations[1] < min(LEAST_EVALUATIONS, plan.budget.evaluations or LEAST_EVALUATIONS):
        warnings.append(_no_room_to_search(plan, task, calibration, expected.evaluations[1]))
    return PlanCard(
        campaign_id=campaign_id,
        plan=plan,
        task=task,
        calibration=calibration,
        tier=tier,
        disclosure=disclosure,
        estimate=expected,
        warnings=tuple(warnings),
        room_is_small=small,
        integrity=summarise(task),
        hidden=hidden,
    )


def _no_room_to_search(plan: Plan, task: Task, calibration: Calibration, evaluations: int) -> str:
    """What a short time buys, and what would be of use."""
    alone = max(calibration.seconds_per_evaluation, 0.01)
    confirm_s = CONFIRMATION_COST * alone * plan.search.confirm_top
    needed = confirm_s + (len(task.rehearsal) + USEFUL_EVALUATIONS / plan.search.evaluation_slots) * alone
    return (
        f"This time has room for {counted(evaluations, 'evaluation')}: one takes {duration(alone)}, and "
        f"{duration(confirm_s)} are kept for confirming the best {plan.search.confirm_top}. {duration(needed)} would "
        f"have room for {USEFUL_EVALUATIONS}."
    )


def estimate(plan: Plan, calibration: Calibration, *, rehearsed: int = 0) -> Estimate:
    """From the measured time per evaluation; about half of the candidates end early.

    Rehearsal and confirmation are within the cap on wall time; what is in flight by then and the duels come after it.
    """
    alone = max(calibration.seconds_per_evaluation, 0.01)
    seconds, finalists = alone / plan.search.evaluation_slots, plan.search.confirm_top
    budget, aside_s = plan.budget, (rehearsed + CONFIRMATION_COST * finalists) * alone
    after_s = 2 * alone + DUEL_COST * alone * max(finalists - 1, 0)
    wall_s = budget.wall_s if budget.wall_s is not None else 3600.0
    searching = max(wall_s - aside_s, 0.0)
    low, high = int(searching / seconds), int(searching / (0.4 * seconds))
    wall = (wall_s, wall_s + after_s)
    if budget.evaluations is not None:
        needed = (0.4 * seconds * budget.evaluations + aside_s, seconds * budget.evaluations + aside_s + after_s)
        if budget.wall_s is None:
            low, high, wall = budget.evaluations, budget.evaluations, needed
        else:
            low, high = min(low, budget.evaluations), min(high, budget.evaluations)
            wall = (min(wall[0], needed[0]), min(wall[1], needed[1]))
    return Estimate(wall_s=wall, evaluations=(low, high), cost_usd=_estimate_cost(plan, (low, high)))


def _estimate_cost(plan: Plan, evaluations: tuple[int, int]) -> tuple[float, float]:
    prices = [
        (TYPICAL_TOKENS[0] * model.input_usd_per_mtok + TYPICAL_TOKENS[1] * model.output_usd_per_mtok) / 1e6
        for model in plan.models
        if model.input_usd_per_mtok is not None and model.output_usd_per_mtok is not None
    ]
    if not prices:
        return (0.0, 0.0)
    low, high = min(prices) * evaluations[0], max(prices) * evaluations[1] * (2 + plan.search.drafts)
    cap = plan.budget.cost_usd
    return (low, high) if cap is None else (min(low, cap), min(high, cap))
