"""What selects a rule: validation set and further draws, early stops, a verifier before a new best is believed."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from threading import Event

import pytest
from rule_play import scheduling_task

from evaluators.cascade import Cascade
from evaluators.schedulers.compiled import Engine, build_engine
from evaluators.schedulers.explain import Explainer
from evaluators.schedulers.jobshop import JobShop
from evaluators.schedulers.player import Budget
from evaluators.schedulers.problem import Instance, Split
from evaluators.schedulers.racing import Paddock
from evaluators.schedulers.scoring import OK, Row
from evaluators.schedulers.sets import CaseBook
from evaluators.schedulers.spec import read_settings
from evaluators.schedulers.stages import METRIC, Course
from nightforge.domain.evidence import Evidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Phase
from nightforge.errors import EvaluatorFault
from sandbox.platform import find_tool
from sandbox.probe import open_sandbox
from tools.rules.formula import parse
from tools.rules.program import rules_of

pytestmark = [pytest.mark.box, pytest.mark.skipif(find_tool("gcc") is None, reason="no C compiler")]
FEW, DRAWS = 12, 3


class FewShops(JobShop):
    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        return super().generate(split, seed)[:FEW]


@pytest.fixture(scope="module")
def box() -> Sandbox:
    return open_sandbox()


@pytest.fixture(scope="module")
def engine(box: Sandbox) -> Engine:
    found = asyncio.run(build_engine(box, FewShops()))
    assert found is not None
    return found


def opened(box: Sandbox, engine: Engine | None) -> CaseBook:
    task = scheduling_task("job-shop")
    settings = read_settings(task)
    few = tuple(rule for rule in settings.baselines if rule.name in {"spt", "spt-twkr", "lwkr"})
    settings = settings.model_copy(update={"baselines": few, "validation_draws": DRAWS})
    return CaseBook(box, task, settings, FewShops(), Budget(0.5), engine=engine)


@pytest.fixture(scope="module")
def book(box: Sandbox, engine: Engine) -> CaseBook:
    return opened(box, engine)


def program(formula: str) -> str:
    task = scheduling_task("job-shop")
    return rules_of(task.read(task.seed))[0].with_formula(parse(formula))


SHARE = program('-f["duration"] / f["remaining"] - 1000000 * f["wait"]')
SHORTEST = program('-f["duration"] - 1000000 * f["wait"]')
LOOP = SHARE.replace("    return", "    for _ in range(1):\n        pass\n    return")


def searched(box: Sandbox, book: CaseBook, source: str, paddock: Paddock, best: float | None) -> Evidence:
    cascade = Cascade(Phase.SEARCH, 1, {})
    Course(box, source, book, cascade, Event()).search(paddock, best)
    return cascade.evidence(box.tier)


def played(evidence: Evidence) -> int:
    return evidence.metrics[METRIC].samples


def test_formulas_and_programs_are_selected_on_all_draws_alike(box: Sandbox, book: CaseBook) -> None:
    first, further = book.cases(Split.VALIDATION), book.further()
    names = [case.instance.name for case in (*first, *further)]
    assert len(set(names)) == len(names)
    assert not {case.instance.digest for case in first} & {case.instance.digest for case in further}
    assert all(len(rows) == len(names) for rows in book.baseline_rows(Split.VALIDATION).values())
    formula, loop = (searched(box, book, source, Paddock(), None) for source in (SHARE, LOOP))
    assert played(formula) == played(loop) == len(names)
    assert formula.metrics[METRIC] == loop.metrics[METRIC]


def test_without_a_compiler_there_are_no_further_draws(box: Sandbox) -> None:
    assert opened(box, None).further() == ()


def test_who_falls_behind_stops_with_the_score_it_would_have_had(box: Sandbox, book: CaseBook) -> None:
    paddock = Paddock()
    alone = searched(box, book, SHORTEST, Paddock(), None).metrics[METRIC]
    best = searched(box, book, SHARE, paddock, None).metrics[METRIC]
    assert alone.value < best.value
    lenient = book.settings.model_copy(update={"race": book.settings.race.model_copy(update={"tolerance": 2.0})})
    strict, book.settings = book.settings, lenient
    try:
        stopped = searched(box, book, SHORTEST, paddock, best.value).metrics[METRIC]
    finally:
        book.settings = strict
    assert stopped.samples is not None
    assert alone.samples is not None
    assert stopped.samples < alone.samples
    assert stopped.value == pytest.approx(alone.value, abs=0.25)
    assert stopped.value < best.value


class Boastful(Engine):
    """A driver whose word on costs is not what its answers cost."""

    def __init__(self, honest: Engine) -> None:
        self._honest = honest

    def play(self, formulas: Sequence[float], instances: Sequence[Instance], *, costs_only: bool = False) -> array[int]:
        reply = self._honest.play(formulas, instances, costs_only=costs_only)
        if costs_only:
            reply[2] -= 1
        return reply


def test_a_new_best_is_verified_before_it_is_believed(box: Sandbox, book: CaseBook, engine: Engine) -> None:
    with pytest.raises(EvaluatorFault, match="do not agree"):
        opened(box, Boastful(engine)).cases(Split.VALIDATION)
    honest = opened(box, engine)
    honest.cases(Split.VALIDATION), honest.cases(Split.TRAIN), honest.further()
    honest.engine = Boastful(engine)
    with pytest.raises(EvaluatorFault, match="do not agree"):
        searched(box, honest, SHARE, Paddock(), None)


def test_a_finalist_is_explained_by_the_compiled_driver(box: Sandbox, book: CaseBook) -> None:
    cases = book.cases(Split.VALIDATION)
    rows = [Row(case.instance.name, case.instance.group, OK, case.yardstick, case.yardstick.baseline) for case in cases]
    found = Explainer(box, book, SHARE).explain(rows)
    assert found.checked == len(book.cases(Split.TRAIN)) + len(cases)
    assert {one.feature for one in found.importance} == {"duration", "remaining", "wait"}
