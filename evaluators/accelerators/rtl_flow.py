"""From a candidate's text to figures: the steps of `rtl_comb`, with what was found out before kept in memory.

Figures belong to a netlist and a condition: two texts of one netlist cannot score differently, and the second costs
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Generic, TypeVar

from evaluators.accelerators import toolchain
from evaluators.accelerators.elaborate import Elaborated, elaborate
from evaluators.accelerators.engine import NetlistEngine, open_engine
from evaluators.accelerators.generator import is_generator, run_generator
from evaluators.accelerators.mapping import RECIPES, Condition, Mapped, map_netlist
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.prove import Proof, prove
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.rtl_settings import TOP, RtlSettings, task_file
from evaluators.accelerators.static_rules import check_text
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Constraint, Objective, Task
from nightforge.domain.words import Direction
from nightforge.errors import EvaluatorFault

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_KEPT_FIGURES = 100_000
_KEPT_NETLISTS = 64
_KEPT_MAPPED = 4
"""Enough for a confirmation, which scores the cells that it then proves."""
_PROOF_S = 120.0


@dataclass(frozen=True, slots=True)
class Figures:
    """One recipe's result: area in um2, delay in ns."""

    recipe: str
    area_um2: float
    delay_ns: float
    cells: int

    @property
    def adp_um2_ns(self) -> float:
        return self.area_um2 * self.delay_ns

    def value(self, metric: str) -> float:
        """ValueError for a metric that mapping does not give."""
        if metric == "area_um2":
            return self.area_um2
        if metric == "delay_ns":
            return self.delay_ns
        if metric == "adp_um2_ns":
            return self.adp_um2_ns
        raise ValueError(metric)

    def __str__(self) -> str:
        return f"{self.recipe}: {self.area_um2:.0f} um2, {self.delay_ns:.3f} ns, {self.adp_um2_ns:.0f} um2*ns"


def figures_of(mapped: Mapped) -> Figures:
    return Figures(mapped.recipe, mapped.area_um2, mapped.delay_ns, len(mapped.instances))


def choose(results: Sequence[Figures], objective: Objective, constraints: Sequence[Constraint]) -> Figures:
    """The recipe that serves the task: what holds the constraints first, then the best by the objective."""

    def rank(figures: Figures) -> tuple[float, float]:
        excess = 0.0
        for constraint in constraints:
            try:
                value = figures.value(constraint.metric)
            except ValueError:
                continue
            over = value - constraint.bound if constraint.relation == "<=" else constraint.bound - value
            excess += max(0.0, over)
        value = figures.value(objective.metric)
        return excess, value if objective.direction is Direction.MIN else -value

    return min(results, key=rank)


def searched_recipes(objective: Objective, constraints: Sequence[Constraint]) -> Collection[str]:
    """The recipes that a search maps by; confirmation and hand designs have all of them.

    `area` takes a third of the mapping's time, and where area alone is not asked for it is the best for poor designs
    only: for 1 of 1,209 candidates of `mul8` and `add32`.
    """
    asked = {objective.metric, *(constraint.metric for constraint in constraints)}
    return RECIPES if "area_um2" in asked else tuple(name for name in RECIPES if name != "area")


class _Memory(Generic[K, V]):
    """The newest entries, oldest first out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        while len(self._entries) >= self._most:
            self._entries.pop(next(iter(self._entries)))
        self._entries[key] = value


def _key(netlist: Netlist, condition: Condition, recipes: Collection[str]) -> tuple[str, ...]:
    return netlist.sha256, condition.name, toolchain.library(condition.technology).sha256, *recipes


class RtlFlow:
    """The steps, for one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._golden: _Memory[str, Netlist] = _Memory(_KEPT_NETLISTS)
        self._figures: _Memory[tuple[str, ...], tuple[Figures, ...]] = _Memory(_KEPT_FIGURES)
        self._mapped: _Memory[tuple[str, ...], tuple[Mapped, ...]] = _Memory(_KEPT_MAPPED)
        self._proofs: _Memory[tuple[str, str], Proof] = _Memory(_KEPT_FIGURES)

    async def engine(self) -> NetlistEngine:
        return await open_engine(self._sandbox)

    async def golden(self, task: Task, settings: RtlSettings) -> Netlist:
        """The golden model's netlist; EvaluatorFault when the task's own file is refused."""
        text = task_file(task, settings.golden)
        key = sha256(f"{settings.specs}\0{text}".encode()).hexdigest()
        found = self._golden.get(key)
        if found is None:
            try:
                found = (await self.netlist(check_text(text, TOP), settings, wall_s=60.0)).netlist
            except Refused as refused:
                raise EvaluatorFault(
                    f"the golden model is refused: {refused}",
                    where=str(task.root / settings.golden),
                    hint="it must pass the rules that candidates pass (docs/accelerators.md)",
                ) from refused
            self._golden.put(key, found)
        return found

    async def text(self, source: str, *, wall_s: float) -> str:
        """The Verilog of a candidate: its own, or what its generator prints; rules checked, comments gone."""
        if is_generator(source):
            source = await run_generator(self._sandbox, source, wall_s=wall_s)
        return check_text(source, TOP)

    async def netlist(self, text: str, settings: RtlSettings, *, wall_s: float) -> Elaborated:
        return await elaborate(self._sandbox, text, settings.specs, top=TOP, wall_s=wall_s)

    async def figures(
        self, netlist: Netlist, condition: Condition, *, recipes: Collection[str] = RECIPES, wall_s: float
    ) -> tuple[Figures, ...]:
        key = _key(netlist, condition, recipes)
        found = self._figures.get(key)
        if found is None:
            mapped = await self.mapped(netlist, condition, recipes=recipes, wall_s=wall_s)
            found = tuple(map(figures_of, mapped))
            self._figures.put(key, found)
        return found

    async def mapped(
        self, netlist: Netlist, condition: Condition, *, recipes: Collection[str] = RECIPES, wall_s: float
    ) -> tuple[Mapped, ...]:
        key = _key(netlist, condition, recipes)
        found = self._mapped.get(key)
        if found is None:
            library = toolchain.library(condition.technology)
            found = await map_netlist(self._sandbox, netlist, library, condition, recipes=recipes, wall_s=wall_s)
            self._mapped.put(key, found)
        return found

    async def proof(self, golden: Netlist, netlist: Netlist, *, limit_s: float = _PROOF_S, threads: int = 1) -> Proof:
        """Kept when it decided; a proof that a limit ended is tried again."""
        key = (golden.sha256, netlist.sha256)
        found = self._proofs.get(key)
        if found is None:
            engine = await self.engine()
            found = await prove(engine, self._sandbox, golden, netlist, limit_s=limit_s, threads=threads)
            if found.is_proven or found.mismatch is not None:
                self._proofs.put(key, found)
        return found
