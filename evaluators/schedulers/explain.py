"""Why a finalist is better: instance by instance, as two schedules, as a shorter formula, by what each feature adds.

All on training and validation instances, in the same box as any evaluation, after the hidden set has decided: nothing
here counts for the candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from evaluators.schedulers.charts import CHARTS
from evaluators.schedulers.player import RuleFailed, open_player
from evaluators.schedulers.problem import Cost, Instance, OfflineProblem, Split
from evaluators.schedulers.quick import batches
from evaluators.schedulers.scoring import OK, Row
from evaluators.schedulers.sets import Case, CaseBook
from nightforge.domain.base import Json
from nightforge.domain.explanation import Chart, Explanation, Importance, InstanceRow
from nightforge.domain.ports import Sandbox
from tools.rules.formula import text_of
from tools.rules.program import Rule, rules_of
from tools.rules.shorten import shorter, without

_HELD = (1.0, 30.0, 1000.0)
"""Constants that stand in for a feature; the one with which the rule does best counts."""
_MOST_FORMS = 60
_MOST_ROUNDS = 4
_FEW_ONLINE = 4
"""Of an online problem's validation instances, those that took least: played one by one they take long."""
_MOST_CPU_S = 4.0
"""Of the rule's CPU time, for shorter formulas and for features each: long online instances would take minutes, and a
busy machine must not change what is found."""


class Explainer:
    """Of one candidate."""

    def __init__(self, sandbox: Sandbox, book: CaseBook, source: str) -> None:
        self._sandbox = sandbox
        self._book = book
        self._source = source
        self._spent_s = 0.0
        self._validation = book.cases(Split.VALIDATION)
        self._train = book.cases(Split.TRAIN)

    def explain(self, rows: Sequence[Row]) -> Explanation:
        """`rows` are the candidate's of the validation set; at least one."""
        rules = rules_of(self._source)
        if not isinstance(self._book.problem, OfflineProblem):
            self._train = ()
            quickest = {row.instance for row in sorted(rows, key=lambda row: row.cpu_ms)[:_FEW_ONLINE]}
            self._validation = tuple(case for case in self._validation if case.instance.name in quickest)
        seen = {case.instance.name for case in self._validation}
        gain = fmean(row.gain for row in rows if row.instance in seen)
        short, checked = self._short(rules) if rules else ((), 0)
        lane, charts = self._charts(rows)
        return Explanation(
            rows=tuple(map(_plain, rows)),
            lane=lane,
            charts=charts,
            formulas=tuple(f"{rule.function}: {text_of(rule.formula)}" for rule in rules),
            short=short,
            checked=checked,
            importance=tuple(self._importance(rules, gain)),
        )

    def _costs(self, source: str, cases: Sequence[Case]) -> Iterator[Cost]:
        """One after another, so that whoever has seen enough stops. Raises RuleFailed."""
        with self._book.open(source, Split.VALIDATION) as player:
            for batch in batches(player, cases):
                for answered in player.answers([case.instance for case in batch]):
                    self._spent_s += answered.cpu_s
                    yield answered.cost

    # ------------------------------------------------------------ a shorter formula

    def _short(self, rules: Sequence[Rule]) -> tuple[tuple[str, ...], int]:
        """Formulas, empty where none is shorter, and the instances on which they cost the same. Greedy: the shortest
        form that changes no cost, and on from there."""
        cases = [*self._train, *self._validation]
        self._spent_s = 0.0
        wanted = list(self._costs(self._source, cases))
        source, tries = self._source, _MOST_FORMS
        for _ in range(_MOST_ROUNDS):
            step, tries = self._shorter_step(source, cases, wanted, tries)
            if step is None:
                break
            source = step
        if source == self._source:
            return (), len(cases)
        return tuple(f"{rule.function}: {text_of(rule.formula)}" for rule in rules_of(source)), len(cases)

    def _shorter_step(
        self, source: str, cases: Sequence[Case], wanted: Sequence[Cost], tries: int
    ) -> tuple[str | None, int]:
        for rule in rules_of(source):
            for form in shorter(rule, rule.formula):
                if tries == 0 or self._spent_s > _MOST_CPU_S:
                    return None, 0
                tries -= 1
                changed = rule.with_formula(form)
                if self._is_equal(changed, cases, wanted):
                    return changed, tries
        return None, tries

    def _is_equal(self, source: str, cases: Sequence[Case], wanted: Sequence[Cost]) -> bool:
        try:
            return all(cost == other for cost, other in zip(self._costs(source, cases), wanted, strict=True))
        except RuleFailed:
            return False

    # ------------------------------------------------------------ features

    def _importance(self, rules: Sequence[Rule], gain: float) -> Iterator[Importance]:
        """The most important first."""
        self._spent_s = 0.0
        found = []
        for rule in rules:
            prefix = f"{rule.function}: " if len(rules) > 1 else ""
            for terminal in rule.formula.terminals():
                feature = rule.feature(terminal)
                if feature is None or self._spent_s > _MOST_CPU_S:
                    continue
                variants = {rule.with_formula(without(rule, terminal, held)) for held in _HELD}
                best = max(self._mean_gain(variant, self._validation) for variant in sorted(variants))
                found.append(Importance(feature=prefix + feature.name, meaning=feature.meaning, loss=gain - best))
        yield from sorted(found, key=lambda one: -one.loss)

    def _mean_gain(self, source: str, cases: Sequence[Case]) -> float:
        try:
            costs = list(self._costs(source, cases))
        except RuleFailed:
            return -1.0
        return fmean(
            Row(case.instance.name, case.instance.group, OK, case.yardstick, cost).gain
            for case, cost in zip(cases, costs, strict=True)
        )

    # ------------------------------------------------------------ charts

    def _charts(self, rows: Sequence[Row]) -> tuple[str, tuple[Chart, ...]]:
        """The schedules of baseline and candidate on the instance with the largest gain."""
        problem = self._book.problem
        if problem.name not in CHARTS or not isinstance(problem, OfflineProblem):
            return "", ()
        best = max(rows, key=lambda row: row.gain)
        case = next(one for one in self._validation if one.instance.name == best.instance)
        name = _holder(best, self._book.baseline_rows(Split.VALIDATION))
        rule = next((one for one in self._book.settings.baselines if one.name == name), None)
        if rule is None:
            return "", ()
        sources = {rule.title or rule.name: self._book.program_of(rule), "the candidate": self._source}
        lane, chart = CHARTS[problem.name]
        charts = []
        for title, source in sources.items():
            watched = _Watched(problem)
            with open_player(self._sandbox, source, watched, self._book.budget(Split.VALIDATION)) as player:
                cost = player.answers([case.instance])[0].cost
            spans = chart(case.instance, watched.answer)
            charts.append(Chart(title=f"{case.instance.name}: {title}", length=float(cost), spans=spans))
        return lane, tuple(charts)


class _Watched:
    """An offline problem that keeps the last answer it found valid."""

    def __init__(self, problem: OfflineProblem) -> None:
        self._problem = problem
        self.name, self.functions, self.features = problem.name, problem.functions, problem.features
        self.driver = problem.driver
        self.answer: Json = None

    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        return self._problem.generate(split, seed)

    def bound(self, instance: Instance) -> Cost:
        return self._problem.bound(instance)

    def verify(self, instance: Instance, answer: Json) -> Cost:
        cost = self._problem.verify(instance, answer)
        self.answer = answer
        return cost


def _holder(row: Row, baselines: Mapping[str, Sequence[Row]]) -> str:
    """The human rule whose cost the row is held against; of several the best on all instances."""
    costs = {
        name: fmean(one.gain for one in rows)
        for name, rows in baselines.items()
        if any(one.instance == row.instance and one.cost == row.yardstick.baseline for one in rows)
    }
    return max(sorted(costs), key=lambda name: costs[name], default="")


def _plain(row: Row) -> InstanceRow:
    return InstanceRow(
        instance=row.instance,
        group=row.group,
        cost=float(row.cost) if row.cost is not None else None,
        baseline=float(row.yardstick.baseline),
        reference=float(row.yardstick.reference),
        gain=row.gain,
    )


def explained(sandbox: Sandbox, book: CaseBook, source: str, rows: Sequence[Row]) -> str:
    """The explanation as JSON; empty where the candidate now fails what it passed before: that decides nothing."""
    try:
        return Explainer(sandbox, book, source).explain(rows).model_dump_json()
    except RuleFailed:
        return ""
