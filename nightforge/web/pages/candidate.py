"""`candidate`: do I believe it? Evidence stage by stage, the program, what changed in it, where it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Query
from markupsafe import Markup
from pydantic import Field
from starlette.responses import PlainTextResponse

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Attempt, Campaign, Candidate, Note, Verdict
from nightforge.domain.evidence import Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.integrity import HiddenOpenings
from nightforge.domain.listing import Relative
from nightforge.domain.model import ModelCall
from nightforge.domain.profile_words import profile_lines
from nightforge.domain.task import Objective
from nightforge.domain.words import CandidateState, EvidenceClass, Outcome
from nightforge.errors import NotFound, UserError
from nightforge.report.data import minimisation_of, profile_of, shown_evidence
from nightforge.report.gantt import draw_charts, text_chart
from nightforge.report.schedules import explanation_of, formula_lines
from nightforge.report.text import duration
from nightforge.store import SqlStore
from nightforge.web.choosing import AdviceView, advice_beside
from nightforge.web.code_view import MOST_LINES, Difference, ShownLine, difference, highlighted, shown_lines
from nightforge.web.fronts import front_chart
from nightforge.web.minimised import Beside, MinimisedView, beside_lines, minimised_view
from nightforge.web.pictures import Chart
from nightforge.web.render import PageRouter, View
from nightforge.web.roofs import roof_chart
from nightforge.web.rows import Row, TaskFacts, gain_word, row_of, task_facts, value_of
from nightforge.web.site import CampaignId, Ordinal, SiteDep

router = PageRouter()

CALLS = 40
CHILDREN = 12
_NEAR = 12
"""Ancestors shown: the nearest ones and the seed."""

VERSION = re.compile(r"\d+(?:\.\d+)+\S*")


class Rung(Frozen):
    """A step of the ladder of belief: a stage of the evidence, or one that has not run."""

    stage: str
    title: str = ""
    outcome: Outcome | None
    """None: it has not run."""
    words: str = ""
    """Reason, seeds, tools and time, in a few words."""
    feedback: str = ""
    seed: str = ""
    """Decimal: it may not fit in a JSON number."""
    metrics: dict[str, Metric] = Field(default_factory=dict)


class Measured(Frozen):
    """One metric, and the same metric of the reference baseline where it has one."""

    name: str
    unit: str
    value: Metric | None
    """What the state's word stands for."""
    searched: Metric | None
    """The search's, where there is a re-measurement."""
    reference: Metric | None
    is_objective: bool = False


class AttemptView(Frozen):
    number: int
    operator: str
    note: str
    outcome: str
    is_current: bool


class CallView(Frozen):
    """One request to a model; its messages are on the page of prompts."""

    call_id: int
    step: str
    role: str
    model: str
    state: str
    cost_usd: float
    tokens_in: int
    tokens_out: int
    latency_s: float


class Kin(Frozen):
    ordinal: int
    state: CandidateState
    operator: str
    note: str
    value: float | None
    skipped: int = 0
    """Generations left out before it."""


class Compared(Frozen):
    """The program that this one is held against."""

    choice: str
    """`parent`, `seed` or a number."""
    ordinal: int
    difference: Difference
    source: str = Field(exclude=True, repr=False)


class CandidateView(View):
    campaign_id: str
    goal: str
    row: Row
    objective: Objective
    column: str
    evidence_class: EvidenceClass | None
    tier: str
    taken_from: str
    verdict: Verdict | None
    ladder: tuple[Rung, ...]
    is_confirmed_ladder: bool
    """The ladder's last rungs are the re-measurement's."""
    hidden: HiddenOpenings | None
    measured: tuple[Measured, ...]
    reference: str
    attempts: tuple[AttemptView, ...]
    language: str
    source: str | None
    code_sha: str
    compared: Compared | None
    minimised: MinimisedView | None
    """What of it is needed, or of the winner that it is left of; None where nothing was minimised."""
    nearest: tuple[AdviceView, ...]
    """What is nearest to it but better in one of the numbers, where several count."""
    line: tuple[Kin, ...]
    """From the seed to this one."""
    children: tuple[Kin, ...]
    children_count: int
    inspirations: tuple[int, ...]
    calls: tuple[CallView, ...]
    hints: tuple[str, ...]
    notes: tuple[Note, ...]
    owners: dict[str, str]
    formulas: tuple[str, ...]
    gantt: Chart | None
    gantt_text: str
    front: Chart | None
    roof: Chart | None
    profile: tuple[str, ...]
    """What limits it, line by line; empty where nobody looked."""

    @property
    def is_cheat(self) -> bool:
        return "cheat" in self.owners

    @property
    def lines(self) -> Sequence[Markup]:
        return highlighted(self.source, self.language)[:MOST_LINES] if self.source is not None else ()

    @property
    def beside(self) -> Mapping[tuple[str, int], Beside]:
        """Shares beside the lines of the difference to the seed; empty beside any other."""
        if self.minimised is None or self.source is None or self.compared is None or self.compared.ordinal != 0:
            return {}
        return beside_lines(self.minimised, self.compared.source, self.source)

    @property
    def diff(self) -> list[ShownLine]:
        return shown_lines(self.compared.difference) if self.compared is not None else []


Against = Annotated[
    str,
    Query(
        max_length=20,
        description="`parent`, `seed`, or a candidate's number; by itself the parent, or the seed with shares.",
    ),
]


@router.page("/c/{campaign}/{ordinal}", template="candidate.html")
def candidate(site: SiteDep, campaign: CampaignId, ordinal: Ordinal, against: Against = "") -> CandidateView:
    """A candidate with everything that is known of it."""
    store = site.store
    home = store.campaign(campaign)
    named = home.campaign_id
    one = store.candidate(named, ordinal)
    task = task_facts(home)
    objective = home.plan.objectives[0]
    calibration = store.document(named, "calibration", Calibration)
    seen = shown_evidence(one)
    explained = explanation_of(one)
    charts = explained.charts if explained is not None else ()
    longest = max((chart.length for chart in charts), default=1.0)
    lane = (explained.lane if explained is not None else "") or "lane"
    minimised = minimised_view(named, minimisation_of(store, one))
    known = [one] if one.score is not None else []
    return CandidateView(
        campaign_id=named,
        goal=home.plan.goal,
        row=row_of(one, objective),
        objective=objective,
        column=gain_word(objective),
        evidence_class=None if seen is None else seen.evidence_class,
        tier="" if seen is None else seen.tier.value,
        taken_from="" if one.evidence is None else one.evidence.taken_from,
        verdict=one.verdict,
        ladder=_ladder(one, task),
        is_confirmed_ladder=one.confirmation is not None,
        hidden=store.hidden_openings(named, home.plan.task) if one.confirmation is not None else None,
        measured=_measured(one, home, calibration),
        reference=_reference(calibration),
        attempts=_attempts(store.attempts(named, ordinal), one),
        language=task.language,
        source=None if one.code_sha is None else store.source(one.code_sha),
        code_sha=one.code_sha or "",
        compared=_compared(store, one, against or ("parent" if minimised is None else "seed")),
        minimised=minimised,
        nearest=advice_beside(store, home, one) if known else (),
        line=_line(store, one, objective),
        children=tuple(_kin(child, objective) for child in store.children_of(named, ordinal, limit=CHILDREN)),
        children_count=store.relatives(named, [ordinal])[ordinal].children,
        inspirations=one.parents[1:],
        calls=tuple(call_view(call) for call in reversed(store.calls(named, ordinal=ordinal, limit=CALLS))),
        hints=tuple(store.hints_of(named, ordinal)),
        notes=tuple(store.notes(named, ordinal=ordinal)),
        owners=dict(store.mark_owners(named, ordinal)),
        formulas=tuple(formula_lines(explained)),
        gantt=_gantt(draw_charts(charts, lane=lane) if charts else ""),
        gantt_text="\n\n".join(text_chart(chart, longest) for chart in charts),
        front=front_chart(store, home, known, store.archive(named), calibration, picked=known) if known else None,
        roof=roof_chart(one, calibration),
        profile=tuple(profile_lines(looked)) if (looked := profile_of(store, one)) is not None else (),
    )


@router.get("/c/{campaign}/{ordinal}/source.txt", response_class=PlainTextResponse, tags=["pages"])
def source(site: SiteDep, campaign: CampaignId, ordinal: Ordinal) -> PlainTextResponse:
    """The program as it is stored, byte for byte; never shown as anything but plain text."""
    one = site.store.candidate(site.store.campaign(campaign).campaign_id, ordinal)
    if one.code_sha is None:
        raise NotFound("it has no program", where=one.ref, hint="it was dropped before a program was written")
    text = site.store.source(one.code_sha).encode("utf-8", "surrogatepass")
    return PlainTextResponse(text, headers={"content-disposition": "inline"})


def _gantt(svg: str) -> Chart | None:
    if not svg:
        return None
    return Chart(name="gantt", title="Where the gain comes from: the instance with the largest one", svg=svg)


def _reference(calibration: Calibration | None) -> str:
    if calibration is None:
        return ""
    found = next((one for one in calibration.baselines if one.name == calibration.reference), None)
    return "" if found is None else found.title or found.name


# ---- evidence


def _ladder(one: Candidate, task: TaskFacts) -> tuple[Rung, ...]:
    """The search's stages, then the re-measurement's last one; what the task would still do stands below, undone."""
    rungs = [_rung(stage, task) for stage in one.evidence.stages] if one.evidence is not None else []
    seen = {rung.stage for rung in rungs}
    if one.confirmation is not None:
        failed = one.confirmation.failure
        last = failed or next(
            (stage for stage in reversed(one.confirmation.stages) if stage.metrics), one.confirmation.stages[-1]
        )
        known = _rung(last, task)
        title = task.stages.get(last.stage, "") or "measured again: new process, fresh seeds, hidden inputs"
        held = one.state is CandidateState.CONFIRMED and one.confirmation.distinguishable
        noise = "" if failed is not None or one.confirmation.distinguishable else "a gain within the noise, "
        stage = "confirmed" if held else "re-measured"
        rungs.append(known.model_copy(update={"stage": stage, "title": title, "words": noise + known.words}))
    is_over = one.evidence is not None and not one.evidence.passed
    if not is_over and one.confirmation is None:
        named = [name for name in task.stages if name not in seen]
        rungs += [Rung(stage=name, title=task.stages[name], outcome=None, words="has not run") for name in named]
    return tuple(rungs)


def _rung(stage: StageEvidence, task: TaskFacts) -> Rung:
    repeats = max((metric.samples for metric in stage.metrics.values()), default=1)
    parts = [
        stage.reason.replace("_", " "),
        f"{repeats} repeats" if repeats > 1 else "",
        _tools(stage)[:80],
        duration(stage.duration_s) if stage.duration_s else "",
    ]
    return Rung(
        stage=stage.stage,
        title=task.stages.get(stage.stage, ""),
        outcome=stage.outcome,
        words=", ".join(part for part in parts if part),
        feedback=stage.feedback if stage.stage != "explain" else "",
        seed="" if stage.seed is None else str(stage.seed),
        metrics=stage.metrics,
    )


def _tools(stage: StageEvidence) -> str:
    """`gcc 12.2.0`: of a version that is a sentence the number alone; the whole of it is in the export."""
    numbers = {name: VERSION.search(version) for name, version in stage.tools.items()}
    return ", ".join(f"{name} {found.group() if found else stage.tools[name]}" for name, found in numbers.items())


def _measured(one: Candidate, home: Campaign, calibration: Calibration | None) -> tuple[Measured, ...]:
    """The objectives first, then what else was measured, in the evaluator's order."""
    evidence = one.confirmation if one.state is CandidateState.CONFIRMED else one.evidence
    if evidence is None:
        return ()
    objectives = [objective.metric for objective in home.plan.objectives]
    reference = (
        next((base for base in calibration.baselines if base.name == calibration.reference), None)
        if calibration
        else None
    )
    names = [*objectives, *(name for name in evidence.metrics if name not in objectives and name != "distinguishable")]
    found = []
    for name in names:
        value = evidence.metrics.get(name)
        searched = one.evidence.metrics.get(name) if one.evidence is not None and evidence is not one.evidence else None
        if value is None and searched is None:
            continue
        against = reference.metrics.get(name) if reference is not None else None
        unit = next(metric.unit for metric in (value, searched) if metric is not None)
        found.append(
            Measured(
                name=name, unit=unit, value=value, searched=searched, reference=against, is_objective=name in objectives
            )
        )
    return tuple(found)


def _attempts(attempts: Sequence[Attempt], one: Candidate) -> tuple[AttemptView, ...]:
    """Where there is more than one program: the draft and its repairs."""
    if len(attempts) < 2:
        return ()
    return tuple(
        AttemptView(
            number=attempt.attempt,
            operator=attempt.operator_name or (attempt.operator.value if attempt.operator is not None else ""),
            note=attempt.note,
            outcome=_outcome(attempt.evidence),
            is_current=attempt.attempt == one.attempt,
        )
        for attempt in attempts
    )


def _outcome(evidence: Evidence | None) -> str:
    if evidence is None:
        return "not evaluated"
    failure = evidence.failure
    return (
        "passed" if failure is None else f"{failure.stage}: {failure.reason.replace('_', ' ') or failure.outcome.value}"
    )


def call_view(call: ModelCall) -> CallView:
    return CallView(
        call_id=call.call_id,
        step=call.key.step,
        role=call.key.role.value,
        model=call.model,
        state=call.state.value,
        cost_usd=call.cost_usd,
        tokens_in=call.usage.tokens_in,
        tokens_out=call.usage.tokens_out,
        latency_s=call.latency_s,
    )


# ---- programs


def _compared(store: SqlStore, one: Candidate, against: str) -> Compared | None:
    """None for the seed, and where one of the two has no program."""
    if one.code_sha is None:
        return None
    if against == "parent":
        other = one.parents[0] if one.parents else None
    elif against == "seed":
        other = 0 if one.ordinal else None
    elif against.isascii() and against.isdecimal() and len(against) < 10:
        other = int(against)
    else:
        raise UserError(
            f"{against!r} names no program to hold it against", where="against", hint="`parent`, `seed` or a number"
        )
    if other is None or other == one.ordinal:
        return None
    base = store.candidate(one.campaign_id, other)
    if base.code_sha is None:
        return None
    before = store.source(base.code_sha)
    found = difference(before, store.source(one.code_sha))
    return Compared(choice=against, ordinal=other, difference=found, source=before)


# ---- family


def _line(store: SqlStore, one: Candidate, objective: Objective) -> tuple[Kin, ...]:
    family = store.ancestry(one.campaign_id, [one.ordinal])
    back: list[Relative] = []
    at: int | None = one.ordinal
    while at is not None and at in family:
        back.append(family[at])
        at = family[at].parents[0] if family[at].parents else None
    if len(back) <= _NEAR + 2:
        return tuple(_kin(relative, objective) for relative in reversed(back))
    near = back[:_NEAR]
    skipped = len(back) - _NEAR - 1
    kin = [_kin(relative, objective) for relative in reversed(near)]
    return (_kin(back[-1], objective), kin[0].model_copy(update={"skipped": skipped}), *kin[1:])


def _kin(relative: Relative, objective: Objective) -> Kin:
    return Kin(
        ordinal=relative.ordinal,
        state=relative.state,
        operator="seed" if relative.ordinal == 0 else relative.operator_name,
        note=relative.note,
        value=value_of(relative, objective),
    )
