"""Mutants of hardware and impostors: the gate refuses them, or another tool proves that they are the same function."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from evaluators.accelerators.rtl_comb import RtlCombEvaluator
from evaluators.accelerators.rtl_integrity import RtlChecker
from evaluators.accelerators.rtl_mutants import mutate_verilog
from evaluators.integrity.admission import admit
from evaluators.integrity.mutation import MutationTest, draw_mutants
from nightforge.catalogue import find_task
from nightforge.domain.integrity import MutantFate
from nightforge.domain.ports import Sandbox

GATE = """module cand (input wire [1:0] a, output wire y);
  // wire c = a[0] & a[1];
  wire n0 = a[0] & ~a[1];
  assign y = n0 ? a[0] : a[1];
endmodule
"""


def test_the_list_of_a_small_design() -> None:
    changes = list(mutate_verilog(GATE))
    assert Counter(change.operator for change in changes) == {
        "operator": 2,
        "inversion": 3,
        "stuck-at": 10,
        "wire": 6,
        "arms": 1,
    }
    assert len({change.source for change in changes}) == len(changes) - 1  # a[0] for a[0] changes nothing
    assert {change.line for change in changes} == {3, 4}
    assert all("// wire c = a[0] & a[1];" in change.source for change in changes)


def test_one_place_is_changed_and_told() -> None:
    lines = GATE.splitlines()
    for change in mutate_verilog(GATE):
        fresh = change.source.splitlines()
        apart = [at for at, line in enumerate(fresh) if line != lines[at]]
        assert apart in ([change.line - 1], [])
        assert change.after in fresh[change.line - 1]


@pytest.mark.parametrize("text", ["", "module", "module cand (); endmodule", "assign", "wire x = ;", "assign p = a +;"])
def test_texts_that_are_no_designs_give_no_fault(text: str) -> None:
    assert all(change.source != text for change in mutate_verilog(text))


async def _opened(stack: AsyncExitStack, box: Sandbox, name: str) -> tuple[RtlCombEvaluator, RtlChecker]:
    evaluator = RtlCombEvaluator(box)
    checker = await stack.enter_async_context(evaluator.open_checker(find_task(name), {}, seed=3))
    return evaluator, checker


@pytest.mark.parametrize("name", ["mul8", "add64"])
def test_impostors_are_refused_and_hand_designs_admitted(box: Sandbox, name: str) -> None:
    async def checks() -> list[tuple[str, bool]]:
        async with AsyncExitStack() as stack:
            evaluator, checker = await _opened(stack, box, name)
            task = find_task(name)
            honest = evaluator.honest_programs(task)
            assert len(honest) >= 4
            admitted = await admit(checker, honest[:3], evaluator.impostors(task))
            return [(check.name, check.held) for check in admitted]

    held = asyncio.run(checks())
    assert {"zeros", "one-vector", "one-corner"} <= {name for name, _ in held}
    assert all(is_held for _, is_held in held), held


def test_every_mutant_of_an_adder_is_caught_or_proved_the_same(box: Sandbox) -> None:
    async def fates() -> Counter[MutantFate]:
        async with AsyncExitStack() as stack:
            evaluator, checker = await _opened(stack, box, "add32")
            task = find_task("add32")
            honest = evaluator.honest_programs(task)[:3]
            mutants = draw_mutants(honest, evaluator.mutator(task), seed=5)
            report = await MutationTest(checker, honest, seed=5).run(mutants, wanted=12)
            return Counter(result.fate for result in report.results)

    found = asyncio.run(fates())
    assert found[MutantFate.CAUGHT] == 12
    assert not found[MutantFate.SURVIVED]


def test_other_gates_for_the_same_function_are_proved_so_by_another_tool(box: Sandbox) -> None:
    async def proofs() -> tuple[str, str]:
        async with AsyncExitStack() as stack:
            evaluator, checker = await _opened(stack, box, "mul8")
            design = next(one for one in evaluator.honest_programs(find_task("mul8")) if " | " in one.source)
            # Of a full adder's two carries at most one is 1, so that their or is their exclusive or.
            same = next(
                change.source
                for change in mutate_verilog(design.source)
                if change.operator == "operator" and "|" in change.before and "^" in change.after
            )
            other = design.source.replace("&", "|", 1)
            assert (await checker.check(same)).accepted
            return await checker.prove_equal(design.source, same), await checker.prove_equal(design.source, other)

    assert asyncio.run(proofs()) == ("ABC cec proves both designs to be one function", "")
