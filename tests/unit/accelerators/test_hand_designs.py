"""The hand designs of the shipped tasks, on this machine's tools: known figures met, known fates met."""

from __future__ import annotations

import pytest

from evaluators.accelerators import toolchain
from evaluators.accelerators.rtl_comb import RtlCombEvaluator
from nightforge.catalogue import find_task
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Outcome, Phase

LACKING = toolchain.lacking(toolchain.TOOLS, ("osu018", "osu035"))
pytestmark = [pytest.mark.box, pytest.mark.skipif(bool(LACKING), reason="; ".join(LACKING))]

PUBLISHED = {
    "mul8": {"operator": 30024, "dadda-sklansky": 24648, "dadda-kogge-stone": 24456},
    "add32": {"operator": 20573, "ripple": 22201, "sklansky": 20063, "kogge-stone": 21306, "brent-kung": 20435},
}
"""Area x delay (um2*ns) of the same structures, mapped by the same three recipes but written by another program and
optimised by yosys first, where ours reach the mapper as they are: that moves a figure by some per cent."""
WITHIN = 0.10
GOLDEN_WIDTHS = {"mul8": 16, "mul16": 32, "add32": 33, "add64": 65}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
async def test_hand_designs_have_the_figures_that_are_known_of_them(box: Sandbox, name: str) -> None:
    task = find_task(name)
    calibration = await RtlCombEvaluator(box).calibrate(task, {}, seed=1)
    found = {one.name: one.metrics["adp_um2_ns"].value for one in calibration.baselines if one.available}
    for design, figure in PUBLISHED[name].items():
        assert found[design] == pytest.approx(figure, rel=WITHIN), design
    assert found[calibration.reference] == min(found.values())
    assert found["operator"] > found[calibration.reference], "the tools' own structure is not the best one"


@pytest.mark.parametrize("name", ["mul8", "add32", "add64", pytest.param("mul16", marks=pytest.mark.slow)])
async def test_candidates_of_known_fate_meet_it(box: Sandbox, name: str) -> None:
    task = find_task(name)
    evaluator = RtlCombEvaluator(box)
    evaluator.check_task(task)
    fates = {}
    for known in task.rehearsal:
        evidence = await evaluator.evaluate(task.read(known.path), task, {}, seed=7, phase=Phase.REHEARSAL)
        fates[known.path] = "pass" if evidence.passed else "reject"
        failed = evidence.failure
        assert failed is None or failed.outcome is not Outcome.ERROR, (known.path, failed)
    assert fates == {known.path: known.expect for known in task.rehearsal}
    assert {"pass", "reject"} == set(fates.values())


@pytest.mark.parametrize("name", sorted(GOLDEN_WIDTHS))
def test_ports_of_task_and_structures_agree(name: str) -> None:
    ports = find_task(name).settings["ports"]
    assert isinstance(ports, list)
    assert ports[-1] == {
        "name": "p" if name.startswith("mul") else "s",
        "direction": "output",
        "width": GOLDEN_WIDTHS[name],
    }
