"""*New goal*: text, at most three questions, the plan card with its estimate, edits, approval.

The goal is read here (without a model that is a look-up); measuring is a process of its own, and so is the campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from agents.llm_team import disclose
from agents.offline.planner import OfflinePlanner
from agents.offline.team import DISCLOSURE
from nightforge.catalogue import find_task, shipped_tasks
from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Calibration, Metric
from nightforge.domain.plan import GoalReading, Match, Plan, Question, SearchSpec, StopSpec
from nightforge.domain.scoring import smallest_gain
from nightforge.domain.task import Parameter, StageSpec, Task
from nightforge.domain.words import CampaignState, Direction, SandboxTier, TeamKind
from nightforge.errors import NotFound, UserError
from nightforge.registry import POLICIES, PRESETS, registered
from nightforge.report.states import is_alive, reason_words
from nightforge.report.text import clean
from nightforge.web.forms import Form, FormDep
from nightforge.web.render import PageRouter, View
from nightforge.web.site import CampaignId, PersonDep, Site, SiteDep
from tools.pricing import resolve
from workflows.answers import typed_answer
from workflows.contract import Estimate, NightRequest, PlanCard
from workflows.drafting import (
    UNPLANNED,
    Draft,
    answer_draft,
    is_measured,
    is_preparing,
    open_draft,
    save_draft,
)
from workflows.plan_words import card_rows
from workflows.planning import check_budget, check_parameters, make_card
from workflows.presets import find_preset
from workflows.steering import read_until, with_until

router = PageRouter()

GOAL_CHARACTERS = 2000
STARTS_WITHIN_S = 20.0
"""A process that was started and holds nothing after so long has died."""
HIGHEST_SEED = 2**63 - 1
LOG_LINES = 12
TASKS_KEPT = timedelta(seconds=20)
SHOWN_APART = frozenset({"goal", "evaluator", "baselines", "estimate"})
"""Rows of the terminal's card that have a place of their own on the page."""


class Phase(StrEnum):
    READING = "reading"
    QUESTIONS = "questions"
    MEASURING = "measuring"
    STALLED = "stalled"
    CARD = "card"
    BEGUN = "begun"
    ENDED = "ended"


class Fields(Frozen):
    """What the forms hold, as text."""

    goal: str = ""
    task: str = ""
    minutes: str = ""
    evaluations: str = ""
    usd: str = ""
    tokens: str = ""
    until: str = ""
    seed: str = ""
    preset: str = ""
    policy: str = ""
    target: str = ""
    patience: str = ""
    use_models: bool = False


class TaskChoice(Frozen):
    name: str
    title: str
    goal: str
    domain: str


class NewGoalView(View):
    fields: Fields
    tasks: tuple[TaskChoice, ...]
    presets: tuple[str, ...]
    policies: tuple[str, ...]
    models: tuple[str, ...]
    """Of the settings; without any the offline team works."""
    refusal: str = ""
    matches: tuple[Match, ...] = ()
    problem: str = ""
    hint: str = ""


class CardRow(Frozen):
    label: str
    lines: tuple[str, ...]


class BaselineRow(Frozen):
    title: str
    metric: Metric | None
    missing_reason: str = ""
    is_reference: bool = False


class Card(Frozen):
    """What the terminal's card says, and the figures that stand above it."""

    estimate: Estimate
    objective: str
    unit: str
    higher_is_better: bool
    room: float | None
    smallest_gain: float | None
    """Value of the objective from which on a gain can be told apart; None where the reference has no such metric."""
    band: float
    noise: float
    warnings: tuple[str, ...]
    stages: tuple[StageSpec, ...]
    baselines: tuple[BaselineRow, ...]
    rows: tuple[CardRow, ...]


class PlanView(View):
    campaign_id: str
    phase: Phase
    goal: str
    owner: str
    title: str = ""
    """Of the task."""
    reason: str = ""
    questions: tuple[Question, ...] = ()
    matches: tuple[Match, ...] = ()
    card: Card | None = None
    fields: Fields = Fields()
    parameters: tuple[Parameter, ...] = ()
    values: dict[str, Scalar] = Field(default_factory=dict)
    presets: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    """The last lines of its process, where it failed."""


@router.page("/new", template="new_goal.html")
def new_goal(
    site: SiteDep,
    goal: Annotated[str, Query(max_length=GOAL_CHARACTERS)] = "",
    task: Annotated[str, Query(max_length=200)] = "",
) -> NewGoalView:
    """An empty form, or one with a goal and a task filled in."""
    return _empty_form(site, Fields(goal=clean(goal), task=clean(task), use_models=bool(site.settings.models)))


@router.page("/new/{campaign}", template="plan.html")
def plan(site: SiteDep, campaign: CampaignId) -> PlanView:
    """How far the planning of a campaign is: questions, measuring, or the card to approve."""
    return _plan_view(site, site.store.campaign(campaign))


@router.post("/new", tags=["actions"])
async def read_goal(request: Request, site: SiteDep, form: FormDep, person: PersonDep) -> Response:
    """Read the goal. A refusal comes back with the form; else a draft is opened and, without questions, measured."""
    fields = _fields(form)
    try:
        asked = await run_in_threadpool(_request, site, form)
        reading = None if asked.team is TeamKind.LLM else await _read(site, asked)
    except UserError as error:
        view = _empty_form(site, fields).model_copy(update={"problem": str(error), "hint": error.hint})
        return _shown(request, site, view)
    if reading is not None and reading.task is None:
        found = {"refusal": reading.refusal, "matches": reading.matches}
        return _shown(request, site, _empty_form(site, fields).model_copy(update=found))
    tier = await run_in_threadpool(site.starter.tier)
    opened = await open_draft(site.store, asked, reading, tier=tier, owner=person, now=site.clock.now())
    if reading is None or not reading.questions:
        await run_in_threadpool(site.starter.prepare, opened.campaign_id)
    return _onward(request, opened.campaign_id)


@router.post("/new/{campaign}/answers", tags=["actions"])
async def answer(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep) -> Response:
    """The answers to the questions by name; a question without one takes its default."""
    one = await run_in_threadpool(_planned, site, campaign)
    draft = site.store.document(one.campaign_id, "draft", Draft)
    asked = draft.reading.questions if draft is not None and draft.reading is not None else ()
    answers = {
        question.name: typed_answer(question, form.text(f"answer.{question.name}"))
        for question in asked
        if form.has(f"answer.{question.name}")
    }
    tasks = await run_in_threadpool(shipped_tasks)
    now = site.clock.now().astimezone()
    reading = await answer_draft(site.store, one, answers, tasks, now=now)
    if reading.task is not None and not reading.questions:
        await run_in_threadpool(site.starter.prepare, one.campaign_id)
    return _onward(request, one.campaign_id)


@router.post("/new/{campaign}/measure", tags=["actions"])
async def measure(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep) -> Response:
    """Start the measuring again, where its process is gone."""
    one = await run_in_threadpool(_planned, site, campaign)
    if not is_preparing(site.store, one.campaign_id):
        await _prepare(site, one.campaign_id)
    return _onward(request, one.campaign_id)


@router.post("/new/{campaign}/plan", tags=["actions"])
async def edit_plan(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep) -> Response:
    """Change caps, seed, preset, policy, stop rules and the task's parameters; other parameters are measured anew."""
    one = await run_in_threadpool(_planned, site, campaign)
    if one.plan.task == UNPLANNED:
        raise UserError("there is no plan yet", where=f"campaign {one.campaign_id}", hint="wait for its card")
    task = await run_in_threadpool(find_task, one.plan.task)
    changed = _edited(site, one.plan, task, form)
    await site.store.save_plan(one.campaign_id, changed)
    draft = site.store.document(one.campaign_id, "draft", Draft)
    if draft is not None and not is_measured(draft, changed):
        await _prepare(site, one.campaign_id)
    return _onward(request, one.campaign_id)


def check_ready(site: Site, campaign: Campaign) -> None:
    """UserError when what was measured is not what the plan says."""
    draft = site.store.document(campaign.campaign_id, "draft", Draft)
    if draft is not None and not is_measured(draft, campaign.plan):
        where = f"campaign {campaign.campaign_id}"
        raise UserError("the plan was changed and is being measured again", where=where, hint="wait for its card")


def _planned(site: Site, campaign: str) -> Campaign:
    one = site.store.campaign(campaign)
    if one.state is not CampaignState.PLANNED or is_alive(site.store, one):
        where, hint = f"campaign {one.campaign_id}", "its own page steers it from here on"
        raise UserError(f"it is {one.state.value}: its plan is not open any more", where=where, hint=hint)
    return one


async def _prepare(site: Site, campaign_id: str) -> None:
    draft = site.store.document(campaign_id, "draft", Draft)
    if draft is not None:
        await save_draft(site.store, campaign_id, draft.model_copy(update={"asked_at": site.clock.now()}))
    await run_in_threadpool(site.starter.prepare, campaign_id)


def _fields(form: Form) -> Fields:
    names = [name for name in Fields.model_fields if name != "use_models"]
    kept = {name: clean(form.values.get(name, ""))[:GOAL_CHARACTERS] for name in names}
    return Fields(**kept, use_models=form.is_set("use_models"))


def _request(site: Site, form: Form) -> NightRequest:
    """UserError naming the field that cannot be read."""
    budget = form.budget()
    check_budget(budget)
    wants_models = form.is_set("use_models") and bool(site.settings.models)
    models = resolve(site.settings.models, base_url=site.settings.base_url or "") if wants_models else ()
    name = form.text("task", limit=64)
    if name and name not in {task.name for task in shipped_tasks()}:
        raise NotFound(f"no task {name!r}", where="task", hint="choose one of the list")
    goal = form.text("goal", limit=GOAL_CHARACTERS)
    if not goal and not name:
        raise UserError("the goal is empty", where="goal", hint="say what to make faster, smaller or better")
    until = read_until(form.text("until", limit=40), now=site.clock.now().astimezone()) if form.has("until") else None
    return NightRequest(
        goal=goal,
        task=name or None,
        budget=budget,
        preset=form.one_of("preset", tuple(registered(PRESETS))),
        policy=form.one_of("policy", tuple(registered(POLICIES))),
        seed=form.whole("seed", most=HIGHEST_SEED),
        target=form.number("target", least=-1e12, most=1e12),
        patience=form.whole("patience", least=1, most=10**9),
        until=until,
        team=TeamKind.LLM if models else TeamKind.OFFLINE,
        models=models,
    )


async def _read(site: Site, asked: NightRequest) -> GoalReading:
    """Without a model: a look-up in the tasks' words, which runs nothing."""
    tasks: Sequence[Task] = await run_in_threadpool(shipped_tasks)
    if asked.task is not None:
        named = next(task for task in tasks if task.name == asked.task)
        if not asked.goal:
            return GoalReading(goal=named.goal, task=named.name)
        tasks = [named]
    return await OfflinePlanner(site.clock).read_goal(asked.goal, tasks)


@dataclass
class _TaskList:
    """The installed tasks' names and goals, for the form alone: what is measured reads its task anew."""

    kept: tuple[TaskChoice, ...] = ()
    until: datetime | None = None

    def read(self, now: datetime) -> tuple[TaskChoice, ...]:
        if self.until is None or not timedelta(0) <= self.until - now <= TASKS_KEPT:
            found = [
                TaskChoice(name=one.name, title=one.title, goal=one.goal, domain=one.domain) for one in shipped_tasks()
            ]
            self.kept, self.until = tuple(found), now + TASKS_KEPT
        return self.kept


_task_list = _TaskList()


def _empty_form(site: Site, fields: Fields) -> NewGoalView:
    return NewGoalView(
        fields=fields,
        tasks=_task_list.read(site.clock.now()),
        presets=tuple(registered(PRESETS)),
        policies=tuple(registered(POLICIES)),
        models=tuple(model.model for model in site.settings.models),
    )


def _shown(request: Request, site: Site, view: NewGoalView) -> Response:
    """The form again, with why it was not taken."""
    if (
        "application/json" in request.headers.get("content-type", "")
        or request.headers.get("accept") == "application/json"
    ):
        return JSONResponse(view.model_dump(mode="json"), status_code=422)
    return site.renderer.page(request, "new_goal.html", view, status=422)


def _onward(request: Request, campaign_id: str) -> Response:
    place = f"/new/{campaign_id}"
    if (
        "application/json" in request.headers.get("content-type", "")
        or request.headers.get("accept") == "application/json"
    ):
        return JSONResponse({"schema_version": 1, "campaign_id": campaign_id, "plan": f"{place}.json"}, status_code=201)
    return RedirectResponse(place, status_code=303)


def _plan_view(site: Site, campaign: Campaign) -> PlanView:
    store, named = site.store, campaign.campaign_id
    draft = store.document(named, "draft", Draft)
    reading = draft.reading if draft is not None else None
    view = PlanView(
        campaign_id=named,
        phase=_phase(site, campaign, draft),
        goal=campaign.plan.goal or (reading.goal if reading else ""),
        owner=campaign.owner,
        reason=reason_words(campaign.reason),
        questions=reading.questions if reading else (),
        matches=reading.matches if reading else (),
        presets=tuple(registered(PRESETS)),
        policies=tuple(registered(POLICIES)),
    )
    if view.phase in {Phase.STALLED, Phase.ENDED}:
        view = view.model_copy(update={"log": _log_tail(site, named)})
    if campaign.plan.task == UNPLANNED:
        return view
    task = find_task(campaign.plan.task)
    values = {"title": task.title, "fields": _fields_of(campaign.plan), "parameters": task.parameters}
    view = view.model_copy(update={**values, "values": campaign.plan.parameters})
    calibration = store.document(named, "calibration", Calibration)
    if view.phase is not Phase.CARD or calibration is None:
        return view
    return view.model_copy(update={"card": _card(site, campaign, task, calibration)})


def _phase(site: Site, campaign: Campaign, draft: Draft | None) -> Phase:
    store, named = site.store, campaign.campaign_id
    if campaign.state is not CampaignState.PLANNED:
        never_ran = campaign.tally.candidates == 0 and campaign.state in {CampaignState.FAILED, CampaignState.FINISHED}
        return Phase.ENDED if never_ran else Phase.BEGUN
    if is_alive(store, campaign):
        return Phase.BEGUN
    measured = store.document(named, "calibration", Calibration) is not None
    if draft is None:
        return Phase.CARD if measured else Phase.STALLED
    if draft.reading is not None and draft.reading.questions:
        return Phase.QUESTIONS
    if measured and is_measured(draft, campaign.plan):
        return Phase.CARD
    waited_s = (site.clock.now() - draft.asked_at).total_seconds()
    if not is_preparing(store, named) and waited_s > STARTS_WITHIN_S:
        return Phase.STALLED
    return Phase.READING if draft.reading is None else Phase.MEASURING


def _card(site: Site, campaign: Campaign, task: Task, calibration: Calibration) -> Card:
    plan_ = campaign.plan
    card: PlanCard = make_card(
        plan_,
        task,
        calibration,
        SandboxTier(campaign.tier),
        disclose(plan_.models) if plan_.models else DISCLOSURE,
        campaign_id=campaign.campaign_id,
        hidden=site.store.hidden_openings(campaign.campaign_id, task.name),
    )
    rows: list[tuple[str, list[str]]] = []
    for label, text in card_rows(card):
        if label and not (rows and rows[-1][0] == label):
            rows.append((label, [text]))
        else:
            rows[-1][1].append(text)
    objective = plan_.objectives[0]
    bound = smallest_gain(objective, calibration)
    return Card(
        estimate=card.estimate,
        objective=objective.metric,
        unit=objective.unit,
        higher_is_better=objective.direction is Direction.MAX,
        room=calibration.room,
        smallest_gain=-bound if bound is not None and objective.direction is Direction.MIN else bound,
        band=calibration.band,
        noise=calibration.noise.value,
        warnings=card.warnings,
        stages=task.stages,
        baselines=tuple(
            BaselineRow(
                title=(one.title or one.name).rstrip("."),
                metric=one.metrics.get(objective.metric) if one.available else None,
                missing_reason=one.missing_reason,
                is_reference=one.name == calibration.reference,
            )
            for one in calibration.baselines
        ),
        rows=tuple(CardRow(label=label, lines=tuple(lines)) for label, lines in rows if label not in SHOWN_APART),
    )


def _fields_of(plan_: Plan) -> Fields:
    """The plan as the form shows it."""
    budget, rules = plan_.budget, {rule.rule: rule.parameters for rule in plan_.stop}
    target = rules.get("target", {}).get("value")
    if isinstance(target, int | float) and plan_.objectives[0].direction is Direction.MIN:
        target = -target
    shown: Mapping[str, Scalar | None] = {
        "minutes": None if budget.wall_s is None else round(budget.wall_s / 60, 4),
        "evaluations": budget.evaluations,
        "usd": budget.cost_usd,
        "tokens": budget.tokens,
        "until": rules.get("until", {}).get("at"),
        "seed": plan_.search.seed,
        "preset": plan_.search.preset,
        "policy": plan_.search.policy,
        "target": target,
        "patience": rules.get("patience", {}).get("evaluations"),
    }
    texts = {name: "" if value is None else _as_typed(value) for name, value in shown.items()}
    return Fields(goal=plan_.goal, task=plan_.task, use_models=plan_.team is TeamKind.LLM, **texts)


def _as_typed(value: Scalar) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _edited(site: Site, before: Plan, task: Task, form: Form) -> Plan:
    """The plan with the form's values; a field that the form does not have stays as it was."""
    budget = form.budget()
    check_budget(budget)
    if not budget.is_bounded and not form.has("until"):
        hint = "give minutes, evaluations, dollars, tokens or an end"
        raise UserError("a night needs a cap", where="budget", hint=hint)
    parameters = dict(before.parameters)
    for parameter in task.parameters:
        if form.has(f"parameter.{parameter.name}"):
            question = Question(
                name=parameter.name, text=parameter.title, default=parameter.default, choices=parameter.choices
            )
            parameters[parameter.name] = typed_answer(question, form.text(f"parameter.{parameter.name}"))
    check_parameters(task, parameters)
    changed = before.model_copy(
        update={
            "budget": budget,
            "parameters": parameters,
            "search": _search(before, form),
            "stop": _stops(before, form),
        }
    )
    said = form.text("until", limit=40)
    if said == _fields_of(before).until:
        return Plan.model_validate(changed.model_dump())
    until = read_until(said, now=site.clock.now().astimezone()) if said else ""
    return Plan.model_validate(with_until(changed, until).model_dump())


def _search(before: Plan, form: Form) -> SearchSpec:
    search = before.search
    preset = form.one_of("preset", tuple(registered(PRESETS))) or search.preset
    chosen: dict[str, Scalar] = {"policy": form.one_of("policy", tuple(registered(POLICIES))) or search.policy}
    seed = form.whole("seed", most=HIGHEST_SEED)
    if seed is not None:
        chosen["seed"] = seed
    if preset != search.preset:
        made = find_preset(preset)
        chosen |= {"preset": made.name, "drafts": made.drafts, "repairs": made.repairs}
    parameters = search.policy_parameters if chosen["policy"] == search.policy else {}
    return SearchSpec.model_validate({**search.model_dump(), **chosen, "policy_parameters": parameters})


def _stops(before: Plan, form: Form) -> tuple[StopSpec, ...]:
    """Target and patience as the form has them, each rule where it stood."""
    made: dict[str, StopSpec] = {}
    target = form.number("target", least=-1e12, most=1e12)
    if target is not None:
        value = target if before.objectives[0].direction is Direction.MAX else -target
        made["target"] = StopSpec(rule="target", parameters={"value": value})
    patience = form.whole("patience", least=1, most=10**9)
    if patience is not None:
        made["patience"] = StopSpec(rule="patience", parameters={"evaluations": patience})
    there = [rule for rule in before.stop if rule.rule in made or rule.rule not in {"target", "patience"}]
    stood = {rule.rule for rule in there}
    added = [rule for name, rule in made.items() if name not in stood]
    return (*(made.get(rule.rule, rule) for rule in there), *added)


def _log_tail(site: Site, campaign_id: str) -> tuple[str, ...]:
    path = site.settings.logs_dir / f"{campaign_id}.log"
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 8192))
            return tuple(log.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:])
    except OSError:
        return ()
