"""`campaign`: is it still worth running? What it found, how the night goes, and a person's words to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from nightforge.domain.archive import CAMPAIGN, Archive
from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign, Candidate, Event, Hint, Note
from nightforge.domain.duel import Duels
from nightforge.domain.evidence import Calibration, Gap, Gaps
from nightforge.domain.listing import SlotLoad
from nightforge.domain.rehearsal import RehearsalReport
from nightforge.domain.task import Objective
from nightforge.domain.words import CampaignState, Direction
from nightforge.report.data import ReportData, champion_first
from nightforge.report.facts import CampaignFacts, campaign_facts
from nightforge.report.model import Picture
from nightforge.report.progress import make_progress, steps_of
from nightforge.report.states import reason_words, standing
from nightforge.report.text import number
from nightforge.store import SqlStore
from nightforge.web.charts import Grid, GridCell, draw_grid
from nightforge.web.choosing import AdviceView, Fold, advice_for, folded
from nightforge.web.event_words import Told, told
from nightforge.web.fronts import front_chart
from nightforge.web.pictures import Chart, Column, chart_of
from nightforge.web.render import PageRouter, View
from nightforge.web.rows import Row, TaskFacts, gain_word, row_of, task_facts
from nightforge.web.site import CampaignId, SiteDep
from workflows.search.grid import bounds_of

router = PageRouter()

DOTS = 600
DOTS_EXPLORED = 3000
RANKED = 8
KNOWN = 40
"""The best ranked that fronts are made of."""
TOLD = 14
STARTS_WITHIN = timedelta(minutes=2)
_MOST_BINS = 24


class Arm(Frozen):
    """A way to make candidates, model × operator, as the bandit sees it; `model` is empty for programs' own."""

    model: str
    operator: str
    tried: int
    reward: float | None
    """Decayed mean between 0 and 1; None before the first."""
    cost: float
    """Mean cost of one: dollars with a model, seconds without."""


class Island(Frozen):
    island: int
    results: int
    best: float | None
    """In the objective's unit."""
    since_gain: int
    """Results since its best rose."""
    members: int


class Yield(Frozen):
    operator: str
    made: int
    passed: int


class Slots(Frozen):
    """How busy the evaluation slots were while the newest evaluations ended."""

    share: float
    evaluations: int


class CampaignView(View):
    campaign_id: str
    goal: str
    facts: CampaignFacts
    state: CampaignState
    is_alive: bool
    is_starting: bool
    """A process was started for it just now, and has not taken it yet: on a busy machine that takes a while."""
    reason: str
    """Why it stopped, in words."""
    tier: str
    owner: str
    preset: str
    models: tuple[str, ...]
    task: TaskFacts
    objectives: tuple[Objective, ...]
    column: str
    calibration: Calibration | None
    rehearsed: tuple[int, int] | None
    """How many candidates of known fate met it, of how many."""
    rows: tuple[Row, ...]
    progress: Chart | None
    front: Chart | None
    advice: tuple[AdviceView, ...]
    """Which design of the front to take."""
    grid: Chart | None
    islands: tuple[Island, ...]
    arms: tuple[Arm, ...]
    yields: tuple[Yield, ...]
    slots: Slots | None
    tokens_in: int
    tokens_out: int
    model_calls: int
    hints: tuple[Hint, ...]
    notes: tuple[Note, ...]
    gaps: tuple[Gap, ...]
    told: tuple[Told, ...]
    last_event: int

    @property
    def folds(self) -> tuple[Fold, ...]:
        return folded(self.rows, (), 1)

    @property
    def can_pause(self) -> bool:
        return self.is_alive and self.state is CampaignState.RUNNING

    @property
    def can_resume(self) -> bool:
        return self.state in {CampaignState.PAUSED, CampaignState.FAILED} or (
            self.state is CampaignState.FINISHED and self.reason != "withdrawn"
        )

    @property
    def gain(self) -> float | None:
        """The best over the strongest baseline, for objectives that are not a ratio to it already. None where one of
        the two is not above 0: a share of it would say nothing, or the opposite."""
        best, against = self.facts.best, self.facts.reference_value
        if best is None or against is None or self.facts.unit == "x" or min(best.metric.value, against) <= 0:
            return None
        return best.metric.value / against - 1


@router.page("/c/{campaign}", template="campaign.html")
def campaign(site: SiteDep, campaign: CampaignId) -> CampaignView:
    """A campaign at a glance: a bounded number of looks, the same for ten and for a million candidates."""
    store = site.store
    one, alive = standing(store, store.campaign(campaign))
    named = one.campaign_id
    last_event = store.last_event(named)  # first: what comes meanwhile is told again rather than missed
    calibration = store.document(named, "calibration", Calibration)
    rehearsal = store.document(named, "rehearsal", RehearsalReport)
    known = champion_first(store.distinct(named, limit=KNOWN), store.document(named, "duels", Duels))
    archive = store.archive(named)
    task = task_facts(one)
    objective = one.plan.objectives[0]
    load = store.slot_load(named)
    news = store.news(named, limit=TOLD)
    return CampaignView(
        campaign_id=named,
        goal=one.plan.goal,
        facts=campaign_facts(store, one, is_alive=alive),
        state=one.state,
        is_alive=alive,
        is_starting=not alive and _was_started(news, site.clock.now()),
        reason=reason_words(one.reason) if one.reason else "",
        tier=one.tier,
        owner=one.owner,
        preset=one.plan.search.preset,
        models=tuple(spec.model for spec in one.plan.models),
        task=task,
        objectives=one.plan.objectives,
        column=gain_word(objective),
        calibration=calibration,
        rehearsed=None if rehearsal is None else (sum(one.held for one in rehearsal.checks), len(rehearsal.checks)),
        rows=tuple(row_of(candidate, objective) for candidate in known[:RANKED]),
        progress=_progress(store, one, known, calibration),
        front=front_chart(store, one, known, archive, calibration),
        advice=advice_for(store, one, known),
        grid=grid_chart(archive, task, objective, named),
        islands=_islands(archive, objective),
        arms=_arms(archive),
        yields=_yields(store.operator_counts(named)),
        slots=_slots(load, one),
        tokens_in=one.tally.tokens_in,
        tokens_out=one.tally.tokens_out,
        model_calls=one.tally.model_calls,
        hints=tuple(store.hints(named)),
        notes=tuple(store.notes(named)),
        gaps=(store.document(named, "gaps", Gaps) or Gaps()).gaps,
        told=tuple(told(event) for event in news),
        last_event=last_event,
    )


def _was_started(news: Sequence[Event], now: datetime) -> bool:
    return any(one.kind == "control.started" and now - one.at < STARTS_WITHIN for one in news)


class CourseStep(Frozen):
    ordinal: int
    at: int
    """How many candidates were made before it was known."""
    value: float


class CourseView(View):
    """The course of the search as numbers; values are the objective's own."""

    campaign_id: str
    metric: str
    unit: str
    ordinals: tuple[int, ...]
    """Spread evenly over all candidates."""
    values: tuple[float | None, ...]
    """None for those that failed or are under way."""
    steps: tuple[CourseStep, ...]
    baseline: float | None
    roof: float | None
    roof_is_near: bool
    """Drawing it does not press everything else to a line."""


@router.get("/c/{campaign}/course.json", tags=["pages"])
def course(site: SiteDep, campaign: CampaignId) -> CourseView:
    """What the picture of progress is drawn from, for those who look into it."""
    home = site.store.campaign(campaign)
    data = _data(site.store, home, (), site.store.document(home.campaign_id, "calibration", Calibration), DOTS_EXPLORED)
    objective = home.plan.objectives[0]
    values = tuple(None if dot.score is None else _turned(dot.score, objective) for dot in data.dots)
    room = data.calibration.room if data.calibration is not None else None
    known = [value for value in (*values, data.reference_value) if value is not None]
    return CourseView(
        campaign_id=home.campaign_id,
        metric=objective.metric,
        unit=objective.unit,
        ordinals=tuple(dot.ordinal for dot in data.dots),
        values=values,
        steps=tuple(CourseStep(ordinal=one.ordinal, at=one.at, value=one.value) for one in steps_of(data)),
        baseline=data.reference_value,
        roof=room,
        roof_is_near=room is not None and bool(known) and abs(room - max(known)) <= 2 * (max(known) - min(known)),
    )


def _progress(
    store: SqlStore, one: Campaign, known: Sequence[Candidate], calibration: Calibration | None
) -> Chart | None:
    data = _data(store, one, known, calibration, DOTS)
    section = make_progress(data)
    picture = next((block for block in section.blocks if isinstance(block, Picture)), None) if section else None
    return None if picture is None else chart_of(picture)


def _data(
    store: SqlStore, one: Campaign, known: Sequence[Candidate], calibration: Calibration | None, dots: int
) -> ReportData:
    """As much of a report's data as the course of the search is told from."""
    bests = tuple(store.bests(one.campaign_id))
    steps = [found.ordinal for found in bests if found.ordinal is not None]
    how = {made.ordinal: made.operator_name for made in store.relatives(one.campaign_id, steps).values()}
    return ReportData(
        campaign=one,
        ranked=tuple(known),
        calibration=calibration,
        dots=tuple(store.dots(one.campaign_id, most=dots)),
        bests=bests,
        how={ordinal: name for ordinal, name in how.items() if ordinal and name},
    )


def _slots(load: SlotLoad | None, one: Campaign) -> Slots | None:
    if load is None or load.window_s <= 0:
        return None
    share = load.busy_s / (load.window_s * one.plan.search.evaluation_slots)
    return Slots(share=min(1.0, share), evaluations=load.evaluations)


def _islands(archive: Archive, objective: Objective) -> tuple[Island, ...]:
    members: dict[int, int] = {}
    for resident in archive.residents:
        members[resident.island] = members.get(resident.island, 0) + 1
    return tuple(
        Island(
            island=one.island,
            results=one.told,
            best=None if one.best is None else _turned(one.best, objective),
            since_gain=one.stale,
            members=members.get(one.island, 0),
        )
        for one in sorted(archive.progress, key=lambda one: one.island)
        if one.island != CAMPAIGN
    )


def _arms(archive: Archive) -> tuple[Arm, ...]:
    """The best rewarded first; those that were never tried last."""
    arms = [
        Arm(
            model=one.model,
            operator=one.operator,
            tried=one.pulls,
            reward=one.wins / (one.wins + one.losses) if one.wins + one.losses > 0 else None,
            cost=one.cost,
        )
        for one in archive.arms
    ]
    return tuple(sorted(arms, key=lambda one: (-(one.reward or 0.0), -one.tried)))


def _yields(counts: Mapping[str, tuple[int, int]]) -> tuple[Yield, ...]:
    made = [Yield(operator=name, made=all_, passed=good) for name, (all_, good) in counts.items() if name != "seed"]
    return tuple(sorted(made, key=lambda one: -one.made))


def _turned(score: float, objective: Objective) -> float:
    return score if objective.direction is Direction.MAX else -score


def grid_chart(archive: Archive, task: TaskFacts, objective: Objective, campaign_id: str) -> Chart | None:
    """The best of each cell over all islands, in one or two dimensions; None without cells."""
    best: dict[tuple[int, ...], tuple[float, int]] = {}
    for one in archive.residents:
        if one.island == CAMPAIGN or not one.cell:
            continue
        place = tuple(int(part) for part in one.cell.split("/"))[:2]
        if place not in best or one.score_low > best[place][0]:
            best[place] = (one.score_low, one.ordinal)
    if not best:
        return None
    names = [*task.behaviour[:2], "second", "first"] if len(task.behaviour) < 2 else list(task.behaviour[:2])
    across = _bins([place[0] for place in best])
    up = _bins([place[1] for place in best if len(place) > 1]) or [0]
    cells = tuple(
        GridCell(
            column=across.index(place[0]),
            row=up.index(place[1]) if len(place) > 1 else 0,
            value=_turned(score, objective),
            ordinal=ordinal,
            href=f"/c/{campaign_id}/{ordinal}",
        )
        for place, (score, ordinal) in best.items()
        if place[0] in across and (len(place) < 2 or place[1] in up)
    )
    is_plane = len(up) > 1 or any(len(place) > 1 for place in best)
    size = len(across) * len(up)
    title = f"{len(cells)} of {size} kinds of behaviour are filled"
    grid = Grid(
        title=title,
        columns=tuple(_bin_words(one) for one in across),
        rows=tuple(_bin_words(one) for one in up) if is_plane else ("",),
        cells=cells,
        x_title=f"{names[0]}, from",
        y_title=f"{names[1]}, from" if is_plane else "",
    )
    higher = objective.direction is Direction.MAX
    ordered = sorted(cells, key=lambda cell: cell.value, reverse=higher)
    return Chart(
        name="grid",
        title=title,
        text="The stronger the colour, the better the best of the cell; the best of all has a rim.",
        columns=(
            Column(title="candidate"),
            *(Column(title=name, right=True) for name in names[: 1 + is_plane]),
            Column(title=f"at least ({objective.unit})" if objective.unit else "at least", right=True),
        ),
        rows=tuple(
            (
                f".{cell.ordinal}",
                grid.columns[cell.column],
                *((grid.rows[cell.row],) if is_plane else ()),
                number(cell.value),
            )
            for cell in ordered
        ),
        svg=draw_grid(grid, higher_is_better=higher),
    )


def _bins(seen: Sequence[int]) -> list[int]:
    """From the lowest to the highest seen, without gaps; of too many the ones that are filled."""
    if not seen:
        return []
    whole = list(range(min(seen), max(seen) + 1))
    return whole if len(whole) <= _MOST_BINS else sorted(set(seen))[:_MOST_BINS]


def _bin_words(bin_number: int) -> str:
    near, _ = bounds_of(bin_number)
    return number(round(near, 3))
