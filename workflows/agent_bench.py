"""Twelve fixed goals through planner, coder, repair and judge: the measure of our prompts with a model.

Nothing is searched: each goal gets one candidate (and one repair) from the seed program, so that a row says how often
a reply could be read, applied, built, was right and better, and what a gain cost. Rows of several prompt versions and
models stand in one file and can be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from pydantic import Field

from agents.planner import NO_READING
from agents.prompting import load_prompt
from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.evidence import Calibration, Evidence, StageEvidence
from nightforge.domain.model import ModelProfile
from nightforge.domain.plan import Budget, ModelSpec, Plan
from nightforge.domain.ports import Evaluator
from nightforge.domain.scoring import score_evidence
from nightforge.domain.task import Task
from nightforge.domain.team import Draft, NoDraft, Program, StepContext, StepPlan, Team
from nightforge.domain.words import OperatorKind, Outcome, Phase, TeamKind
from nightforge.errors import ModelFault
from nightforge.settings import Settings
from nightforge.store import open_store
from tools.budget import BudgetMeter
from tools.clock import SystemClock
from workflows.house import House, open_house
from workflows.model_rehearsal import Entrant, was_built
from workflows.nodes import REPAIRABLE_DRAFTS, UNREPAIRABLE_STAGES
from workflows.workshop import bound_feedback

PROMPT_BYTES = 12_000
"""Of the probe: about what a coder's prompt with a brief and three programs is."""
PROBE_USD_SHARE = 0.05


class BenchGoal(Frozen):
    text: str
    task: str
    operator: OperatorKind


def _goals() -> tuple[BenchGoal, ...]:
    texts = {
        "axpy": (
            "axpy over 16 million floats as fast as this machine can",
            "saxpy: make y = a x + y on 16777216 single-precision numbers faster than numpy",
            "a quicker axpy on the CPU, one thread",
            "speed up y += a * x for vectors of 64 MB",
        ),
        "softmax-long": (
            "fast softmax over one row of 16 million floats",
            "make row softmax of 64 MB rows faster than torch on this CPU",
            "the quickest softmax of a long row of float32 scores, single-threaded",
            "normalise 16,777,216 logits into probabilities in half the time",
        ),
        "rmsnorm": (
            "a faster rmsnorm on this CPU",
            "RMS normalisation of rows of floats, quicker than numpy",
            "make RMSNorm with a learned scale as fast as possible, float32, one thread",
            "speed up root-mean-square layer normalisation",
        ),
    }
    operators = (OperatorKind.DIFF, OperatorKind.FULL)
    return tuple(
        BenchGoal(text=text, task=task, operator=operators[place % 2])
        for task, goals in texts.items()
        for place, text in enumerate(goals)
    )


GOALS = _goals()


class Trial(Frozen):
    """What became of one goal. From `parsed` to `improved` it is the first reply that counts."""

    goal: str
    task: str
    planned: bool = False
    """The planner read the goal as the task that it means."""
    read_as: str = ""
    """The task that the planner read, right or not; empty where it read none."""
    parsed: bool = False
    """The coder's reply held a program or edits."""
    applied: bool = False
    """They gave a new program, within the blocks that may change."""
    compiled: bool = False
    correct: bool = False
    improved: bool = False
    """Better than the seed, beyond both intervals."""
    gain: float = 0.0
    """Of the right program over the seed, repaired or not, as a fraction; losses count as 0: a search drops them."""
    judged: bool = False
    repaired: bool = False
    """The first reply gave no right program, and the repair of it did."""
    calls: int = 0
    cost_usd: float = 0.0
    reason: str = ""
    """Why it went no further."""


STEPS = ("planned", "parsed", "applied", "compiled", "correct", "improved", "judged", "repaired")


class BenchRow(Frozen):
    """One run of the bench; a line of the file."""

    schema_version: int = 1
    at: datetime
    model: str
    host: str
    prompts: dict[str, str]
    """Prompt → `version-digest` of its text."""
    goals: int
    counts: dict[str, int] = Field(default_factory=dict)
    """Step → goals that got there."""
    gain: float
    """Sum over the goals."""
    calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    gain_per_call: float
    gain_per_usd: float | None
    """None where nothing was paid."""
    stand_in: bool = False
    """A scripted server of the tests answered, no language model: the row proves the path, not the prompts."""


def prompt_versions() -> dict[str, str]:
    """Every template with its version and a digest of its text: a change of either is another prompt."""
    versions = {}
    for entry in sorted((files("agents") / "prompts").iterdir(), key=lambda one: one.name):
        name = entry.name.removesuffix(".md")
        if name != entry.name:
            digest = hashlib.sha256(entry.read_bytes()).hexdigest()[:10]
            versions[name] = f"{load_prompt(name).version}-{digest}"
    return versions


def read_rows(path: Path) -> Sequence[BenchRow]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [BenchRow.model_validate_json(line) for line in lines if line.strip()]


def unmeasured_prompts(rows: Sequence[BenchRow], versions: Mapping[str, str]) -> Sequence[str]:
    """Prompts whose present text no row was made with."""
    return [name for name, version in versions.items() if all(row.prompts.get(name) != version for row in rows)]


@dataclass
class Bench:
    """A model with a house, a budget and a database of its own, gone when it is closed."""

    house: House
    team: Team
    entrant: Entrant
    meter: BudgetMeter
    campaign_id: str
    budget: Budget
    tell: Callable[[str], None]
    seeds: dict[str, tuple[Evaluator, Calibration, Evidence]] = field(default_factory=dict)

    async def probe(self) -> tuple[ModelProfile, str, str]:
        """Profile, trouble and hint; see `tools.llm_probe`."""
        cap = self.budget.cost_usd
        most_usd = None if cap is None else PROBE_USD_SHARE * cap
        found = await self.entrant.prober.probe(self.campaign_id, prompt_bytes=PROMPT_BYTES, most_usd=most_usd)
        return found.profile, found.trouble, found.hint

    async def run(self, goal: BenchGoal, ordinal: int) -> Trial:
        """One goal from its words to a judged candidate. Faults of the endpoint and a spent budget raise."""
        before = self.house.store.tally(self.campaign_id)
        trial = await self._run(goal, ordinal)
        after = self.house.store.tally(self.campaign_id)
        return trial.model_copy(
            update={"calls": after.model_calls - before.model_calls, "cost_usd": after.cost_usd - before.cost_usd}
        )

    async def _run(self, goal: BenchGoal, ordinal: int) -> Trial:
        trial = Trial(goal=goal.text, task=goal.task)
        task = self.house.find_task(goal.task)
        try:
            reading = await self.team.planner.read_goal(goal.text, self.house.tasks())
        except ModelFault as fault:
            if fault.retryable:
                raise
            trial = trial.model_copy(update={"reason": f"plan: {fault}"})
        else:
            by_model = not any(note.startswith(NO_READING) for note in reading.notes)
            read_as = (reading.task or "") if by_model else ""
            trial = trial.model_copy(update={"planned": read_as == goal.task, "read_as": read_as})
        # The coder gets the task that was meant, whatever the planner made of it: steps are measured one by one.
        parameters = {parameter.name: parameter.default for parameter in task.parameters}
        evaluator, calibration, seed = await self._seed(task, parameters)
        context = self._context(goal, task, parameters, seed, ordinal)
        drafted = await self.team.coder.write(context, random=Random(ordinal), is_known=lambda _: False)
        evidence = await self._evaluate(evaluator, drafted, task, parameters, calibration)
        trial = _graded(trial, drafted, evidence, seed, task)
        failure = _failure_for_repair(drafted, evidence)
        if failure is not None:
            broken = context.parent if isinstance(drafted, NoDraft) else _program(ordinal, drafted.source, evidence)
            again = context.model_copy(update={"failure": failure, "broken": broken, "attempt": 1})
            mended = await self.team.coder.repair(again, random=Random(ordinal), is_known=lambda _: False)
            evidence = await self._evaluate(evaluator, mended, task, parameters, calibration)
            second = _graded(trial, mended, evidence, seed, task)
            if second.correct:
                trial, drafted = trial.model_copy(update={"repaired": True, "gain": second.gain}), mended
        if evidence is not None and isinstance(drafted, Draft):
            verdict = await self.team.judge.judge(context, drafted.source, evidence)
            trial = trial.model_copy(update={"judged": bool(verdict.bottleneck or verdict.next_step)})
        return trial

    async def _seed(self, task: Task, parameters: Mapping[str, Scalar]) -> tuple[Evaluator, Calibration, Evidence]:
        """Measured once per task: all goals of a task start from the same numbers."""
        known = self.seeds.get(task.name)
        if known is None:
            self.tell(f"measuring {task.name}: baselines and seed ...")
            evaluator = self.house.evaluator(task)
            calibration = await evaluator.calibrate(task, parameters, seed=1)
            evidence = await evaluator.evaluate(
                task.read(task.seed), task, parameters, seed=1, phase=Phase.SEARCH, calibration=calibration
            )
            known = self.seeds[task.name] = (evaluator, calibration, evidence)
        return known

    async def _evaluate(
        self,
        evaluator: Evaluator,
        drafted: Draft | NoDraft,
        task: Task,
        parameters: Mapping[str, Scalar],
        calibration: Calibration,
    ) -> Evidence | None:
        if isinstance(drafted, NoDraft):
            return None
        return await evaluator.evaluate(
            drafted.source, task, parameters, seed=1, phase=Phase.SEARCH, calibration=calibration
        )

    def _context(
        self, goal: BenchGoal, task: Task, parameters: dict[str, Scalar], seed: Evidence, ordinal: int
    ) -> StepContext:
        return StepContext(
            campaign_id=self.campaign_id,
            ordinal=ordinal,
            goal=goal.text,
            task=task.name,
            language=task.language,
            brief=task.read(task.brief),
            objective=task.objective,
            parameters=parameters,
            parent=_program(0, task.read(task.seed), seed),
            step=StepPlan(operator=goal.operator),
        )


def _program(ordinal: int, source: str, evidence: Evidence | None) -> Program:
    metrics = dict(evidence.metrics) if evidence is not None else {}
    return Program(ordinal=ordinal, source=source, metrics=metrics, feedback=bound_feedback(evidence))


NO_REPLY = frozenset({"no_program", "truncated", "refused", "context_length"})


def _graded(trial: Trial, drafted: Draft | NoDraft, evidence: Evidence | None, seed: Evidence, task: Task) -> Trial:
    if isinstance(drafted, NoDraft) or evidence is None:
        reason = drafted.reason if isinstance(drafted, NoDraft) else ""
        return trial.model_copy(update={"parsed": trial.parsed or reason not in NO_REPLY, "reason": reason})
    score, was = score_evidence(evidence, task.objective), score_evidence(seed, task.objective)
    gain = 0.0
    if score is not None and was is not None:
        gain = max(0.0, (score.value - was.value) / abs(was.value))
    failure = evidence.failure
    return trial.model_copy(
        update={
            "parsed": True,
            "applied": True,
            "compiled": was_built(evidence),
            "correct": evidence.passed,
            "improved": score is not None and was is not None and score.low > was.value,
            "gain": gain,
            "reason": "" if failure is None else f"{failure.stage}: {failure.reason or failure.outcome}",
        }
    )


def _failure_for_repair(drafted: Draft | NoDraft, evidence: Evidence | None) -> StageEvidence | None:
    """What the repairer is shown, by the rules of a campaign; None when there is nothing to mend."""
    if isinstance(drafted, NoDraft):
        mendable = drafted.reason in REPAIRABLE_DRAFTS
        stage = StageEvidence(stage="gate", outcome=Outcome.FAIL, reason=drafted.reason, feedback=drafted.feedback)
        return stage if mendable else None
    failure = None if evidence is None else evidence.failure
    if failure is None or failure.reason in UNREPAIRABLE_STAGES or failure.outcome is Outcome.ERROR:
        return None
    return failure


@asynccontextmanager
async def open_bench(
    settings: Settings, model: ModelSpec, budget: Budget, tell: Callable[[str], None]
) -> AsyncIterator[Bench]:
    """A bench for one model. What is learned of the model's server is kept in the user's own database."""
    with TemporaryDirectory(prefix="nightforge-bench-") as folder:
        home = Path(folder)
        own = settings.model_copy(update={"home": home, "database_url": f"sqlite:///{home / 'bench.db'}"})
        async with open_house(own) as house:
            (priced,) = house.resolve_models((model,))
            task = house.find_task(GOALS[0].task)
            plan = Plan(
                goal="bench of agents",
                task=task.name,
                objectives=task.objectives,
                budget=budget,
                team=TeamKind.LLM,
                models=(priced,),
            )
            campaign = await house.store.create_campaign(plan, tier=house.sandbox.tier)
            meter = BudgetMeter(budget, spent=campaign.tally)
            entrant = house.make_entrant(priced, meter, campaign.campaign_id)
            yield Bench(house, entrant.team, entrant, meter, campaign.campaign_id, budget, tell)


async def keep_profile(settings: Settings, profile: ModelProfile) -> None:
    """In the user's database, so that the next campaign need not ask again."""
    store = open_store(settings.database_url, clock=SystemClock())
    try:
        await store.save_model_profile(profile)
    finally:
        await store.close()


def summarise(bench: Bench, trials: Sequence[Trial], *, host: str, at: datetime, stand_in: bool) -> BenchRow:
    tally = bench.house.store.tally(bench.campaign_id)
    gain = sum(trial.gain for trial in trials)
    calls = sum(trial.calls for trial in trials)
    cost_usd = sum(trial.cost_usd for trial in trials)
    return BenchRow(
        at=at,
        model=bench.entrant.model.model,
        host=host,
        prompts=prompt_versions(),
        goals=len(trials),
        counts={step: sum(getattr(trial, step) for trial in trials) for step in STEPS},
        gain=gain,
        calls=calls,
        tokens_in=tally.tokens_in,
        tokens_out=tally.tokens_out,
        cost_usd=cost_usd,
        gain_per_call=gain / calls if calls else 0.0,
        gain_per_usd=gain / cost_usd if cost_usd else None,
        stand_in=stand_in,
    )
