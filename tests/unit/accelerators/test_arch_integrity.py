"""`task check` on configuration tasks: impostors, broken contracts, and a checker that lets something through."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from evaluators.accelerators.arch.evaluator import ArchEvaluator
from evaluators.accelerators.arch.integrity import ArchChecker, break_contract
from evaluators.integrity.admission import admit
from evaluators.integrity.mutation import MutationTest, draw_mutants
from evaluators.integrity.seams import OffersChecker, OffersImpostors, OffersMutants
from nightforge.catalogue import find_task
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.integrity import AdmissionCheck, MutantFate, MutationReport
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Outcome

NAMES = ("gemm-edp", "attention-edp")


@pytest.fixture(scope="module")
def evaluator(box: Sandbox) -> ArchEvaluator:
    return ArchEvaluator(box)


def admitted(evaluator: ArchEvaluator, name: str) -> tuple[AdmissionCheck, ...]:
    task = find_task(name)

    async def run() -> tuple[AdmissionCheck, ...]:
        async with evaluator.open_checker(task, {}, seed=1) as checker:
            return await admit(checker, evaluator.honest_programs(task), evaluator.impostors(task))

    return asyncio.run(run())


def mutated(evaluator: ArchEvaluator, name: str) -> MutationReport:
    task = find_task(name)

    async def run() -> MutationReport:
        async with evaluator.open_checker(task, {}, seed=1) as checker:
            honest = evaluator.honest_programs(task)
            mutants = draw_mutants(honest, evaluator.mutator(task), seed=1)
            return await MutationTest(checker, honest, seed=1).run(mutants, wanted=len(mutants))

    return asyncio.run(run())


def test_it_offers_all_three(evaluator: ArchEvaluator) -> None:
    assert isinstance(evaluator, OffersChecker)
    assert isinstance(evaluator, OffersMutants)
    assert isinstance(evaluator, OffersImpostors)


@pytest.mark.parametrize("name", NAMES)
def test_honest_arrays_are_admitted_and_impostors_are_not(evaluator: ArchEvaluator, name: str) -> None:
    checks = admitted(evaluator, name)
    assert [one.name for one in checks if not one.held] == []
    assert Counter(one.expect for one in checks) == {"pass": 5, "reject": 7}
    reasons = {one.name: one.outcome for one in checks if one.expect == "reject"}
    assert reasons["over-area"] == "area_over_budget"
    assert reasons["free-dram"] == "bandwidth_over_budget"
    assert reasons["too-fast"] == "clock_too_fast"
    assert reasons["for-show"] == "unused_mapping"
    assert reasons["low-precision"] == "precision_too_low"


@pytest.mark.parametrize("name", NAMES)
def test_every_broken_contract_is_caught(evaluator: ArchEvaluator, name: str) -> None:
    report = mutated(evaluator, name)
    fates = Counter(one.fate for one in report.results)
    assert set(fates) == {MutantFate.CAUGHT}, [one for one in report.results if one.fate is not MutantFate.CAUGHT][:3]
    assert fates[MutantFate.CAUGHT] > 500


def test_a_stage_that_lets_everything_through_has_survivors(evaluator: ArchEvaluator) -> None:
    task = find_task("gemm-edp")

    async def run() -> MutationReport:
        checker = ArchChecker(lambda source: [StageEvidence(stage="model", outcome=Outcome.PASS)])
        honest = [one for one in evaluator.honest_programs(task) if not one.is_derived]
        mutants = draw_mutants(honest, break_contract, seed=1)[:20]
        return await MutationTest(checker, honest, seed=1).run(mutants)

    assert {one.fate for one in asyncio.run(run()).results} == {MutantFate.SURVIVED}


def test_the_same_configuration_in_another_layout_is_proved_equal(evaluator: ArchEvaluator) -> None:
    task = find_task("gemm-edp")
    seed = task.read(task.seed)

    async def proof(other: str) -> str:
        async with evaluator.open_checker(task, {}, seed=1) as checker:
            return await checker.prove_equal(seed, other)

    assert asyncio.run(proof(json.dumps(json.loads(seed)))) == "both are read as one configuration"
    assert asyncio.run(proof(json.dumps({**json.loads(seed), "pe_rows": 9}))) == ""
    assert asyncio.run(proof("{}")) == ""


def test_what_is_no_json_has_shown_nothing(evaluator: ArchEvaluator) -> None:
    task = find_task("gemm-edp")

    async def run() -> bool:
        async with evaluator.open_checker(task, {}, seed=1) as checker:
            return (await checker.check("{")).built

    assert asyncio.run(run()) is False
