"""Combinational RTL with proof: candidate to evidence (entry point `rtl_comb` of `nightforge.evaluators`).

Nothing is timed by a clock: area and delay come from a deterministic flow, and equal netlists get equal figures.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import evaluators
import sandbox as sandbox_package
import tools.rtl
from evaluators.accelerators import fallback, toolchain
from evaluators.accelerators.engine import SOURCE as WORKER
from evaluators.accelerators.export import export_design
from evaluators.accelerators.mapping import CONDITIONS, RECIPES, Condition, condition_of
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.prove import Proof, ProofClass
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.rtl_confirm import BAND, confirm
from evaluators.accelerators.rtl_flow import Figures, RtlFlow, choose, searched_recipes
from evaluators.accelerators.rtl_integrity import RtlChecker, honest_designs, rtl_impostors
from evaluators.accelerators.rtl_mutants import mutate_verilog
from evaluators.accelerators.rtl_settings import (
    METRICS,
    STAGES,
    HandDesign,
    RtlSettings,
    read_settings,
    scored_condition,
    task_file,
)
from evaluators.accelerators.simulate import check_vectors
from evaluators.cascade import Cascade, CascadeEnded, StageNotes
from evaluators.integrity.seams import Honest, Impostor, Mutator
from evaluators.stages import require_stages
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, Outcome, Phase
from nightforge.errors import EvaluatorFault, UserError
from nightforge.fingerprint import fingerprint

LANGUAGE = "verilog"
_DEFAULT_STAGE_S: Mapping[str, float] = {
    "static": 10.0,
    "elaborate": 20.0,
    "map": 30.0,
    "prove": 120.0,
    "confirm": 300.0,
}
_LIMITS_HAD_A_PART = frozenset({"synthesis_stopped", "mapping_stopped", "generator_memory", "proof_undecided"})
_CONFIRM_THREADS = 2


class RtlCombEvaluator:
    """Implements `nightforge.domain.ports.Evaluator`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._flow = RtlFlow(sandbox)

    @property
    def name(self) -> str:
        return "rtl_comb"

    @property
    def clock(self) -> ClockKind | None:
        return None

    def check_task(self, task: Task) -> None:
        read_settings(task)
        where = str(task.root / "task.toml")
        require_stages(task, STAGES)
        if task.language != LANGUAGE:
            raise UserError(
                f"language {task.language!r} is not read here", where=where, hint=f'language = "{LANGUAGE}"'
            )
        for objective in task.objectives:
            if objective.metric not in METRICS:
                raise UserError(
                    f"objectives: {objective.metric!r} is not measured",
                    where=where,
                    hint=f"known: {', '.join(METRICS)}",
                )
        for parameter in task.parameters:
            unknown = [str(choice) for choice in parameter.choices if str(choice) not in CONDITIONS]
            if parameter.name == "condition" and unknown:
                raise UserError(
                    f"parameters.condition: {', '.join(unknown)} unknown",
                    where=where,
                    hint=f"known: {', '.join(CONDITIONS)}",
                )

    def prerequisites(self, task: Task) -> Sequence[str]:
        settings = read_settings(task)
        names = [condition_of(name).technology for name in (settings.condition, *settings.confirm)]
        # The fallback has Yosys and ABC; then confirmations do without OpenSTA, and say so.
        tools = () if fallback.version() else (toolchain.YOSYS, toolchain.ABC, toolchain.OPENSTA)
        return toolchain.lacking(tools, tuple(dict.fromkeys(names)))

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        condition = scored_condition(read_settings(task), task, parameters)
        code = [Path(next(iter(evaluators.__path__))) / "accelerators", WORKER, Path(next(iter(tools.rtl.__path__)))]
        found = {**self._tools(task, condition), "sandbox": sandbox_package.__name__}
        return fingerprint(task, parameters, tools=found, code=code)

    def _tools(self, task: Task, condition: Condition) -> dict[str, str]:
        names = [condition, *map(condition_of, read_settings(task).confirm)]
        libraries = [toolchain.library(name) for name in dict.fromkeys(one.technology for one in names)]
        found = {**toolchain.versions(*libraries), "condition": condition.name}
        if not found["yosys"] or not found["abc"]:
            found["fallback"] = fallback.version()
        return found

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        """Every hand design through the candidates' own stages, all but the proof: their files are the task's own."""
        settings = read_settings(task)
        condition = scored_condition(settings, task, parameters)
        conditions = [condition, *(condition_of(name) for name in settings.confirm if name != condition.name)]
        measured: dict[str, tuple[HandDesign, dict[str, Metric]]] = {}
        started, evaluated = time.perf_counter(), 0
        for design in settings.baselines:
            measured[design.name] = (design, await self._baseline(task, settings, design, conditions))
            evaluated += len(conditions)
        seconds = (time.perf_counter() - started) / max(1, evaluated)
        metric = task.objective.metric
        reference = settings.reference or self._best(task, {name: found for name, (_, found) in measured.items()})
        return Calibration(
            baselines=tuple(
                Baseline(name=name, title=design.title, metrics=metrics) for name, (design, metrics) in measured.items()
            ),
            reference=reference,
            noise=Metric(value=0.0, unit=measured[reference][1][metric].unit if reference else ""),
            band=BAND,
            room_reason="no lower bound on the area or delay of a function of this size is known",
            machine=self._tools(task, condition),
            seconds_per_evaluation=max(seconds, 0.05),
        )

    def _best(self, task: Task, measured: Mapping[str, Mapping[str, Metric]]) -> str:
        """The strongest hand design: what holds the constraints first."""
        figures = {
            name: Figures(name, found["area_um2"].value, found["delay_ns"].value, 0) for name, found in measured.items()
        }
        return choose(list(figures.values()), task.objective, task.constraints).recipe if figures else ""

    async def _baseline(
        self, task: Task, settings: RtlSettings, design: HandDesign, conditions: Sequence[Condition]
    ) -> dict[str, Metric]:
        where = str(task.root / design.source)
        cascade = Cascade(Phase.SEARCH, 0, {})
        metrics: dict[str, Metric] = {}
        try:
            netlist = await self._netlist(task_file(task, design.source), settings, cascade, dict(_DEFAULT_STAGE_S))
            await self._simulate(task, settings, netlist, cascade, seed=0)
            for number, condition in enumerate(conditions):
                found = await self._flow.figures(netlist, condition, wall_s=120.0)
                chosen = choose(found, task.objective, task.constraints)
                metrics |= figure_metrics(chosen, suffix=f".{condition.name}" if number else "")
        except (CascadeEnded, Refused) as refused:
            last = cascade.evidence(self._sandbox.tier).stages[-1:]
            words = f"{last[0].reason}: {last[0].feedback}" if last and last[0].reason else str(refused)
            raise EvaluatorFault(f"the hand design {design.name} does not pass: {words}", where=where) from refused
        return metrics

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
        condition = scored_condition(settings, task, parameters)
        cascade = Cascade(phase, seed, self._tools(task, condition))
        wall_s = {**_DEFAULT_STAGE_S, **{stage.name: stage.wall_s for stage in task.stages}}
        try:
            netlist = await self._netlist(source, settings, cascade, wall_s)
            quick = netlist.input_bits <= settings.quick_proof_bits
            if not quick:
                await self._simulate(task, settings, netlist, cascade, seed=seed)
            if quick or phase is Phase.CONFIRMATION:
                await self._prove(task, settings, netlist, cascade, wall_s, is_final=phase is Phase.CONFIRMATION)
            chosen = await self._map(task, netlist, condition, cascade, wall_s)
            if not quick and phase is not Phase.CONFIRMATION:
                await self._prove_if_better(task, settings, netlist, cascade, wall_s, chosen, best_score)
            if phase is Phase.CONFIRMATION:
                golden = await self._flow.golden(task, settings)
                with cascade.stage("confirm") as notes:
                    await confirm(
                        *(self._sandbox, self._flow, task, settings, condition, golden, netlist, calibration, notes),
                        wall_s=wall_s["confirm"],
                    )
        except CascadeEnded:
            pass
        return cascade.evidence(self._sandbox.tier)

    def is_lasting(self, evidence: Evidence) -> bool:
        """All but what a limit ended, or the best so far decided (whether a wide design was proved)."""
        last = evidence.stages[-1]
        if last.outcome is Outcome.PASS:
            return evidence.metrics.get("proved") is not None and evidence.metrics["proved"].value > 0
        return last.outcome is Outcome.FAIL and last.reason not in _LIMITS_HAD_A_PART

    @asynccontextmanager
    async def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AsyncIterator[RtlChecker]:
        """Offers `evaluators.integrity.seams.OffersChecker`."""
        condition = scored_condition(read_settings(task), task, parameters)
        yield RtlChecker(self._sandbox, self._flow, task, self._tools(task, condition), seed=seed)

    def honest_programs(self, task: Task) -> Sequence[Honest]:
        return honest_designs(task, read_settings(task))

    def mutator(self, task: Task) -> Mutator:
        return mutate_verilog

    def impostors(self, task: Task) -> Sequence[Impostor]:
        return rtl_impostors(task, read_settings(task))

    async def export(self, source: str, task: Task, parameters: Mapping[str, Scalar]) -> Mapping[str, bytes]:
        """Implements `nightforge.domain.artifact.OffersExport`."""
        return await export_design(self._sandbox, self._flow, source, task)

    async def _netlist(
        self, source: str, settings: RtlSettings, cascade: Cascade, wall_s: Mapping[str, float]
    ) -> Netlist:
        with cascade.stage("static"):
            text = await self._flow.text(source, wall_s=wall_s["static"])
        with cascade.stage("elaborate") as notes:
            elaborated = await self._flow.netlist(text, settings, wall_s=wall_s["elaborate"])
            notes.feedback = elaborated.lint
            notes.metrics["gates"] = Metric(value=len(elaborated.netlist.gates))
            notes.metrics["levels"] = Metric(value=elaborated.netlist.levels)
        return elaborated.netlist

    async def _simulate(
        self, task: Task, settings: RtlSettings, netlist: Netlist, cascade: Cascade, *, seed: int
    ) -> None:
        golden = await self._flow.golden(task, settings)
        engine = await self._flow.engine()
        with cascade.stage("simulate") as notes:
            mismatch = check_vectors(engine, golden, netlist, seed=seed, count=settings.vectors)
            if mismatch is not None:
                raise Refused("wrong_output", mismatch.describe())
            notes.metrics["vectors"] = Metric(value=settings.vectors)

    async def _prove(
        self,
        task: Task,
        settings: RtlSettings,
        netlist: Netlist,
        cascade: Cascade,
        wall_s: Mapping[str, float],
        *,
        is_final: bool,
    ) -> None:
        golden = await self._flow.golden(task, settings)
        with cascade.stage("prove") as notes:
            threads = _CONFIRM_THREADS if is_final else 1
            proof = await self._flow.proof(golden, netlist, limit_s=wall_s["prove"], threads=threads)
            note_proof(notes, proof)
            if not proof.is_proven and is_final:
                # An error, not a failure: nothing is known against the candidate, and it stays measured.
                raise Refused("proof_undecided", f"proof: none. {proof.reason}", Outcome.ERROR)

    async def _prove_if_better(
        self,
        task: Task,
        settings: RtlSettings,
        netlist: Netlist,
        cascade: Cascade,
        wall_s: Mapping[str, float],
        figures: Figures,
        best_score: float | None,
    ) -> None:
        """A wide design costs seconds: those that beat the best so far are proved at once, others when confirmed."""
        if _is_better(task, figures, best_score):
            await self._prove(task, settings, netlist, cascade, wall_s, is_final=False)
            return
        with cascade.stage("prove") as notes:
            note_proof(notes, Proof(ProofClass.NONE, "not asked: no better than the best so far"))

    async def _map(
        self, task: Task, netlist: Netlist, condition: Condition, cascade: Cascade, wall_s: Mapping[str, float]
    ) -> Figures:
        is_search = cascade.phase is Phase.SEARCH
        recipes = searched_recipes(task.objective, task.constraints) if is_search else RECIPES
        with cascade.stage("map") as notes:
            results = await self._flow.figures(netlist, condition, recipes=recipes, wall_s=wall_s["map"])
            chosen = choose(results, task.objective, task.constraints)
            notes.metrics |= figure_metrics(chosen)
            shown = "; ".join(f"{figures}{' (scored)' if figures is chosen else ''}" for figures in results)
            notes.feedback = f"{condition.name}: {shown}"
        return chosen


def note_proof(notes: StageNotes, proof: Proof) -> None:
    """The class of the proof into the evidence; Refused when the candidate is wrong."""
    if proof.mismatch is not None:
        raise Refused("wrong_output", proof.mismatch.describe())
    notes.tools["proof"] = proof.kind.value
    notes.metrics["proved"] = Metric(value=1.0 if proof.is_proven else 0.0)
    notes.feedback = f"proof: {proof.kind.value}. {proof.reason}"


def figure_metrics(figures: Figures, *, suffix: str = "") -> dict[str, Metric]:
    """Metrics of one result; other conditions than the scored one carry their name as suffix."""
    return {
        f"area_um2{suffix}": Metric(value=figures.area_um2, unit="um2"),
        f"delay_ns{suffix}": Metric(value=figures.delay_ns, unit="ns"),
        f"adp_um2_ns{suffix}": Metric(value=figures.adp_um2_ns, unit="um2*ns"),
        f"cells{suffix}": Metric(value=float(figures.cells)),
    }


def _is_better(task: Task, figures: Figures, best_score: float | None) -> bool:
    if best_score is None:
        return True
    value = figures.value(task.objective.metric)
    return (-value if task.objective.direction == "min" else value) > best_score
