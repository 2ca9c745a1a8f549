"""Scheduling rules: candidate to evidence (entry point `schedulers` of `nightforge.evaluators`)."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import evaluators
from evaluators.cascade import Cascade, CascadeEnded
from evaluators.integrity.seams import Honest, Impostor
from evaluators.python_candidates import BoxedPython, lacking_python
from evaluators.schedulers.compiled import Engine, build_engine
from evaluators.schedulers.explain import explained
from evaluators.schedulers.export import rule_files
from evaluators.schedulers.integrity import RuleChecker, impostors_of
from evaluators.schedulers.player import Budget, worker_file
from evaluators.schedulers.problem import Problem, Split
from evaluators.schedulers.scoring import summarise
from evaluators.schedulers.sets import CaseBook
from evaluators.schedulers.spec import STAGES, SchedulerSettings, load_problem, read_references, read_settings
from evaluators.schedulers.stages import METRIC, Course
from evaluators.schedulers.text_rules import check_text
from evaluators.stages import require_stages
from nightforge.domain.artifact import ExportedFile
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric
from nightforge.domain.explanation import STAGE as EXPLAIN
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, Outcome, Phase
from nightforge.errors import UserError
from nightforge.fingerprint import fingerprint

BUDGET = "budget"
"""The task parameter that chooses the class, `rule` or `search`: never both in one campaign, nor in one ranking."""
_LASTING = frozenset({"too_long", "syntax_error", "no_function", "forbidden_import", "infeasible"})


class SchedulerEvaluator:
    """Implements `nightforge.domain.ports.Evaluator`. Deterministic but for CPU time, which only limits."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._books: dict[str, CaseBook] = {}
        self._engines: dict[str, Engine | None] = {}
        self._python = BoxedPython(sandbox)

    @property
    def name(self) -> str:
        return "schedulers"

    @property
    def clock(self) -> ClockKind | None:
        return None

    def check_task(self, task: Task) -> None:
        settings = read_settings(task)
        load_problem(settings.problem)
        where = str(task.root / "task.toml")
        require_stages(task, STAGES)
        for rule in settings.baselines:
            if not (task.root / rule.source).is_file():
                raise UserError(f"baseline {rule.name}: no file {rule.source}", where=where)
        for parameter in task.parameters:
            if parameter.name != BUDGET or set(parameter.choices) - {"rule", "search"}:
                hint = f"{BUDGET}, with the choices rule and search"
                raise UserError(f"parameter {parameter.name!r} is unknown here", where=where, hint=hint)
        if task.language != "python":
            raise UserError(f"language {task.language!r} does not run here", where=where, hint='language = "python"')
        read_references(task)

    def prerequisites(self, task: Task) -> Sequence[str]:
        return lacking_python()

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        code = (*map(Path, evaluators.__path__), worker_file())
        return await asyncio.to_thread(fingerprint, task, parameters, tools=await self._python.tools(), code=code)

    def files(self, source: str, task: Task, parameters: Mapping[str, Scalar]) -> Mapping[str, ExportedFile]:
        """Implements `nightforge.domain.artifact.OffersFiles`."""
        return rule_files(source, task)

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        settings = read_settings(task)
        book = await self._book(task, settings, parameters)
        rows = await asyncio.to_thread(book.baseline_rows, Split.VALIDATION)
        tools = await self._python.tools()
        baselines = tuple(
            Baseline(
                name=rule.name, title=rule.title, metrics=_without_time(summarise(rows[rule.name])), environment=tools
            )
            for rule in book.settings.baselines
        )
        return Calibration(
            baselines=baselines,
            reference=max(baselines, key=lambda baseline: baseline.metrics[METRIC].value).name,
            noise=Metric(value=0.0),
            band=0.0,
            room=1.0,
            room_reason="1 is the reference: the proven optimum, or the best known",
            seconds_per_evaluation=book.seconds_per_evaluation,
        )

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        settings = read_settings(task)
        cascade = Cascade(phase, seed, await self._python.tools())
        book = await self._book(task, settings, parameters)
        stop = Event()
        try:
            with cascade.stage("rules") as notes:
                tree = check_text(source, settings, load_problem(settings.problem))
                notes.metrics["nodes"] = Metric(value=sum(1 for _ in ast.walk(tree)), unit="syntax nodes")
            await asyncio.to_thread(self._play, source, book, cascade, phase, best_score, stop)
        except CascadeEnded:
            pass
        except asyncio.CancelledError:
            stop.set()
            raise
        return cascade.evidence(self._sandbox.tier)

    def _play(
        self, source: str, book: CaseBook, cascade: Cascade, phase: Phase, best_score: float | None, stop: Event
    ) -> None:
        course = Course(self._sandbox, source, book, cascade, stop)
        if phase is Phase.CONFIRMATION:
            validated = course.confirm()
            with cascade.stage(EXPLAIN) as notes:
                notes.feedback = explained(self._sandbox, book, source, validated)
            course.report_public()
        else:
            course.search(book.paddock, best_score)

    def rest(self) -> None:
        """Ends the processes that wait for formulas; the next evaluation starts others."""
        for engine in self._engines.values():
            if engine is not None:
                engine.rest()

    def is_lasting(self, evidence: Evidence) -> bool:
        """Passes and refusals in which no clock had a part: costs are exact and the instances fixed."""
        failure = evidence.failure
        return failure is None or (failure.outcome is Outcome.FAIL and failure.reason in _LASTING)

    @asynccontextmanager
    async def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AsyncIterator[RuleChecker]:
        """Offers `evaluators.integrity.seams.OffersChecker`."""
        book = await self._book(task, read_settings(task), parameters)
        tools = await self._python.tools()
        yield RuleChecker(self._sandbox, book.problem, book.budget(Split.TRAIN), tools, seed=seed)

    def honest_programs(self, task: Task) -> Sequence[Honest]:
        """The seed and every human rule."""
        rules = [rule for rule in read_settings(task).baselines if rule.budget == "rule"]
        return [Honest(path, task.read(path)) for path in (task.seed, *(rule.source for rule in rules))]

    def impostors(self, task: Task) -> Sequence[Impostor]:
        return impostors_of(load_problem(read_settings(task).problem), task.read(task.seed))

    async def _engine(self, problem: Problem) -> Engine | None:
        if problem.name not in self._engines:
            self._engines[problem.name] = await build_engine(self._sandbox, problem)
        return self._engines[problem.name]

    async def _book(self, task: Task, settings: SchedulerSettings, parameters: Mapping[str, Scalar]) -> CaseBook:
        """Instances with their yardsticks, made once per task and budget class."""
        is_search = parameters.get(BUDGET, "rule") == "search"
        key = f"{is_search} {task.root} {task.model_dump_json()}"
        if key not in self._books:
            budget = Budget((settings.search_cpu_ms if is_search else settings.cpu_ms) / 1000)
            rules = tuple(rule for rule in settings.baselines if is_search or rule.budget == "rule")
            settings = settings.model_copy(update={"baselines": rules})
            problem = load_problem(settings.problem)
            engine = await self._engine(problem)
            # Another evaluation may have made it meanwhile.
            self._books.setdefault(key, CaseBook(self._sandbox, task, settings, problem, budget, engine=engine))
        return self._books[key]


def _without_time(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """Of baselines the costs alone are kept."""
    return {name: metric for name, metric in metrics.items() if name != "cpu_ms"}
