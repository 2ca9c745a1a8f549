"""The evaluator on this machine's tools: figures, conditions, bad tasks, evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evaluators.accelerators import engine, fallback, toolchain
from evaluators.accelerators.elaborate import elaborate
from evaluators.accelerators.liberty import Library
from evaluators.accelerators.mapping import CONDITIONS, RECIPES, RUNS, Condition, Mapped, map_netlist
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.rtl_comb import RtlCombEvaluator
from evaluators.accelerators.rtl_flow import searched_recipes
from evaluators.accelerators.standing_clock import SOURCE, Preload, standing_clock
from evaluators.accelerators.static_rules import check_text
from evaluators.accelerators.timing import sta_delay_ns
from evaluators.accelerators.yosys_json import PortSpec
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Constraint, Task
from nightforge.domain.words import Outcome, Phase
from nightforge.errors import EvaluatorFault, PrerequisiteMissing, UserError

LACKING = toolchain.lacking(toolchain.TOOLS, ("osu018", "osu035"))
pytestmark = [pytest.mark.box, pytest.mark.skipif(bool(LACKING), reason="; ".join(LACKING))]

TASK = """
schema_version = 1
name = "add4"
title = "4-bit adder"
goal = "A 4-bit adder with the smallest area."
domain = "rtl_comb"
language = "verilog"
seed = "golden.v"
[[objectives]]
metric = "area_um2"
unit = "um2"
direction = "min"
[[stages]]
name = "map"
title = "cells"
[settings]
ports = [
  { name = "a", direction = "input", width = 4 },
  { name = "b", direction = "input", width = 4 },
  { name = "s", direction = "output", width = 5 },
]
confirm = ["osu018-loaded", "osu035-bare"]
[[settings.baselines]]
name = "operator"
title = "+"
source = "golden.v"
"""
GOLDEN = "module cand(input [3:0] a, input [3:0] b, output [4:0] s);\n  assign s = a + b;\nendmodule\n"
TWICE = GOLDEN.replace("a + b", "(a ^ b) + ((a & b) << 1)")
WRONG = GOLDEN.replace("a + b", "a + b + (a == 4'd15 && b == 4'd15)")


def arithmetic(width: int, out: str, bits: int, expression: str) -> tuple[str, tuple[PortSpec, ...]]:
    text = (
        f"module cand(input [{width - 1}:0] a, input [{width - 1}:0] b, output [{bits - 1}:0] {out});\n"
        f"assign {out} = {expression};\nendmodule\n"
    )
    return text, (PortSpec("a", width, True), PortSpec("b", width, True), PortSpec(out, bits, False))


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return make_task(tmp_path)


def make_task(folder: Path, text: str = TASK, golden: str = GOLDEN) -> Task:
    (folder / "task.toml").write_text(text)
    (folder / "golden.v").write_text(golden)
    (folder / "brief.md").write_text("A 4-bit adder.")
    return load_task(folder)


@pytest.fixture(scope="module")
def evaluator(box: Sandbox) -> RtlCombEvaluator:
    return RtlCombEvaluator(box)


async def netlist_of(box: Sandbox, text: str, ports: tuple[PortSpec, ...]) -> Netlist:
    return (await elaborate(box, check_text(text), ports)).netlist


async def map_under(box: Sandbox, netlist: Netlist, name: str) -> tuple[Mapped, ...]:
    condition = CONDITIONS[name]
    return await map_netlist(box, netlist, toolchain.library(condition.technology), condition)


def best_of(results: Sequence[Mapped]) -> Mapped:
    return min(results, key=lambda mapped: mapped.adp_um2_ns)


PUBLISHED = [
    (8, "p", 16, "a * b", 30024, 0.01),
    (32, "s", 33, "a + b", 20573, 0.01),
    (64, "s", 65, "a + b", 76057, 0.06),
]


@pytest.mark.parametrize(("width", "out", "bits", "expression", "adp", "within"), PUBLISHED)
async def test_bare_figures_are_the_published_ones(
    width: int, out: str, bits: int, expression: str, adp: float, within: float, box: Sandbox
) -> None:
    """Not to the digit: the mapper is given the inputs in an order of our own, so that names and text do not count."""
    netlist = await netlist_of(box, *arithmetic(width, out, bits, expression))
    assert best_of(await map_under(box, netlist, "osu018-bare")).adp_um2_ns == pytest.approx(adp, rel=within)


@pytest.mark.parametrize("name", ["osu018-bare", "osu018-loaded", "osu035-bare"])
async def test_opensta_agrees_and_the_cells_compute_the_netlist(name: str, box: Sandbox) -> None:
    netlist = await netlist_of(box, *arithmetic(4, "p", 8, "a * b"))
    condition = CONDITIONS[name]
    library = toolchain.library(condition.technology)
    results = await map_netlist(box, netlist, library, condition)
    assert [mapped.recipe for mapped in results] == list(RUNS)
    for mapped in results:
        assert mapped.area_um2 == sum(library.cells[cell].area_um2 * count for cell, count in mapped.cells.items())
        assert await sta_delay_ns(box, mapped, netlist, library, condition) == pytest.approx(mapped.delay_ns, rel=1e-3)
        cells = mapped.netlist(library, netlist)
        for value in range(256):
            given = {"a": value & 15, "b": value >> 4}
            assert cells.evaluate(given) == netlist.evaluate(given) == {"p": given["a"] * given["b"]}


async def test_load_and_wires_slow_a_design_down(box: Sandbox) -> None:
    netlist = await netlist_of(box, *arithmetic(4, "p", 8, "a * b"))
    bare, loaded = [best_of(await map_under(box, netlist, f"osu018-{name}")) for name in ("bare", "loaded")]
    assert loaded.delay_ns > 1.1 * bare.delay_ns


async def test_outputs_that_are_wires_cost_nothing(box: Sandbox) -> None:
    netlist = await netlist_of(box, *arithmetic(4, "y", 4, "{a[0], 1'b1, b[3], 1'b0}"))
    (mapped,) = await map_under(box, netlist, "osu018-bare")
    assert (mapped.area_um2, mapped.delay_ns) == (0.0, 0.0)
    assert mapped.netlist(toolchain.library("osu018"), netlist).evaluate({"a": 1, "b": 0}) == {"y": 0b1100}


async def judge(evaluator: RtlCombEvaluator, task: Task, source: str, phase: Phase = Phase.SEARCH) -> Evidence:
    return await evaluator.evaluate(source, task, {}, seed=3, phase=phase)


async def test_evidence_names_proof_tools_and_figures(evaluator: RtlCombEvaluator, task: Task) -> None:
    evidence = await judge(evaluator, task, TWICE)
    assert "area: " in evidence.stages[-1].feedback, "the objective is area"
    assert [stage.stage for stage in evidence.stages] == ["static", "elaborate", "prove", "map"]
    proof = evidence.stages[2]
    assert proof.tools["proof"] == "exhaustive"
    assert proof.tools["yosys"].startswith("Yosys")
    assert evidence.metrics["proved"].value == 1
    assert evidence.metrics["adp_um2_ns"].value == pytest.approx(
        evidence.metrics["area_um2"].value * evidence.metrics["delay_ns"].value
    )
    assert evaluator.is_lasting(evidence)


async def test_a_search_for_a_product_leaves_the_recipe_for_area_to_the_confirmation(
    evaluator: RtlCombEvaluator, tmp_path: Path
) -> None:
    def runs(evidence: Evidence) -> list[str]:
        (told,) = [stage.feedback for stage in evidence.stages if stage.stage == "map"]
        return [run.split(":")[0].strip() for run in told.partition(": ")[2].split(";")]

    product = make_task(tmp_path, TASK.replace('"area_um2"\nunit = "um2"', '"adp_um2_ns"\nunit = "um2*ns"'))
    searched, final = [await judge(evaluator, product, TWICE, phase) for phase in (Phase.SEARCH, Phase.CONFIRMATION)]
    assert runs(searched) == [run for run in RUNS if not run.startswith("area")]
    assert runs(final) == list(RUNS)
    assert final.metrics["adp_um2_ns"].value <= searched.metrics["adp_um2_ns"].value
    bounded = (*product.constraints, Constraint(metric="area_um2", relation="<=", bound=900.0))
    assert searched_recipes(product.objective, bounded) is RECIPES


async def test_a_confirmation_proves_the_cells_that_were_scored(
    box: Sandbox, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped: list[str] = []

    async def counted(
        sandbox: Sandbox, netlist: Netlist, library: Library, condition: Condition, **options: Any
    ) -> tuple[Mapped, ...]:
        mapped.append(condition.name)
        return await map_netlist(sandbox, netlist, library, condition, **options)

    monkeypatch.setattr("evaluators.accelerators.rtl_flow.map_netlist", counted)
    assert (await judge(RtlCombEvaluator(box), task, TWICE, Phase.CONFIRMATION)).passed
    assert mapped == ["osu018-bare", "osu018-loaded", "osu035-bare"], "each once"


async def test_one_wrong_input_of_256_is_found_and_told(evaluator: RtlCombEvaluator, task: Task) -> None:
    evidence = await judge(evaluator, task, WRONG)
    assert evidence.failure is not None
    assert (evidence.failure.stage, evidence.failure.reason) == ("prove", "wrong_output")
    assert "a = 15" in evidence.failure.feedback
    assert evaluator.is_lasting(evidence)


async def test_confirmation_holds_other_conditions_against_the_reference(
    evaluator: RtlCombEvaluator, task: Task
) -> None:
    calibration = await evaluator.calibrate(task, {}, seed=1)
    assert calibration.reference == "operator"
    evidence = await evaluator.evaluate(TWICE, task, {}, seed=3, phase=Phase.CONFIRMATION, calibration=calibration)
    assert evidence.passed, evidence.stages[-1].feedback
    metrics = evidence.metrics
    assert metrics["sta_delay_ns"].value == pytest.approx(metrics["delay_ns"].value, rel=1e-3)
    for name in ("osu018-loaded", "osu035-bare"):
        reference = calibration.baselines[0].metrics[f"area_um2.{name}"].value
        assert metrics[f"gain.{name}"].value == pytest.approx(reference / metrics[f"area_um2.{name}"].value)
    same = await evaluator.evaluate(GOLDEN, task, {}, seed=3, phase=Phase.CONFIRMATION, calibration=calibration)
    assert same.passed
    assert not same.distinguishable


async def test_what_is_not_proved_is_not_confirmed(box: Sandbox, tmp_path: Path) -> None:
    """24 input bits and no time to try them: measured in the search, an error in the confirmation."""
    task = make_task(
        tmp_path,
        TASK.replace("width = 4", "width = 12").replace("width = 5", "width = 12")
        + '[[stages]]\nname = "prove"\ntitle = "proof"\nwall_s = 0.000001\n',
        GOLDEN.replace("[3:0]", "[11:0]").replace("[4:0]", "[11:0]").replace("a + b", "a * b"),
    )
    evaluator = RtlCombEvaluator(box)
    shifted = task.read("golden.v").replace("a * b", "(a << 1) * b - a * b")
    measured = await judge(evaluator, task, shifted)
    assert measured.passed
    assert measured.metrics["proved"].value == 0
    assert not evaluator.is_lasting(measured)
    final = await judge(evaluator, task, shifted, Phase.CONFIRMATION)
    assert final.failure is not None
    assert (final.failure.reason, final.failure.outcome) == ("proof_undecided", Outcome.ERROR)


async def test_tools_and_conditions_are_part_of_the_fingerprint(
    evaluator: RtlCombEvaluator, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await evaluator.fingerprint(task, {})
    assert before == await evaluator.fingerprint(task, {})
    folder = tmp_path / "loaded"
    folder.mkdir()
    loaded = make_task(folder, TASK.replace("[settings]", '[settings]\ncondition = "osu018-loaded"'))
    assert await evaluator.fingerprint(loaded, {}) != before
    monkeypatch.setattr(toolchain, "version", lambda tool: "another")
    assert await evaluator.fingerprint(task, {}) != before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('direction = "output", width = 5', 'direction = "input", width = 5'), "inputs and outputs are both needed"),
        (('name = "b"', 'name = "a"'), "a name stands twice"),
        (("width = 5", "width = 0"), "settings|ports.2.width"),
        (('confirm = ["osu018-loaded"', 'confirm = ["osu999"'), "condition 'osu999' is unknown"),
        (("[settings]", '[settings]\ngolden = "none.v"'), "needs 'none.v'"),
        (("[settings]", "[settings]\nunknown = 1"), "unknown"),
        (("[settings]", '[settings]\nreference = "best"'), "none of the baselines"),
        (('metric = "area_um2"', 'metric = "speedup"'), "'speedup' is not measured"),
        (('name = "map"', 'name = "measure"'), "stages: 'measure' is unknown"),
        (('language = "verilog"', 'language = "c"'), "language 'c' is not read here"),
    ],
)
def test_a_bad_task_is_named(change: tuple[str, str], words: str, evaluator: RtlCombEvaluator, tmp_path: Path) -> None:
    task = make_task(tmp_path, TASK.replace(*change))
    with pytest.raises(UserError, match=words) as error:
        evaluator.check_task(task)
    assert str(tmp_path) in error.value.where


async def test_a_golden_model_that_is_none_is_our_fault(box: Sandbox, tmp_path: Path) -> None:
    task = make_task(tmp_path, golden=GOLDEN.replace("s = a + b", "s[3:0] = a + b"))
    with pytest.raises(EvaluatorFault, match="golden model is refused: undriven: never assigned: s"):
        await judge(RtlCombEvaluator(box), task, GOLDEN)


async def test_a_hand_design_that_fails_is_named(box: Sandbox, tmp_path: Path) -> None:
    extra = '[[settings.baselines]]\nname = "bad"\ntitle = "bad"\nsource = "bad.v"\n'
    (tmp_path / "bad.v").write_text(WRONG.replace("assign", "assign #1"))
    task = make_task(tmp_path, TASK + extra)
    with pytest.raises(EvaluatorFault, match="the hand design bad does not pass: delay: line 2"):
        await RtlCombEvaluator(box).calibrate(task, {}, seed=1)


def write_liberty(folder: Path, content: bytes) -> Path:
    """In a folder that only we may read, as a PDK's often is."""
    own = folder / "own.lib"
    own.write_bytes(content)
    folder.chmod(0o700)
    return own


async def test_a_liberty_of_the_users_own(box: Sandbox, tmp_path: Path) -> None:
    own = write_liberty(tmp_path, toolchain.library("osu018").content)
    text = TASK.replace("[settings]", f'[settings]\ncondition = "{own}"')
    task = make_task(tmp_path, text.replace('confirm = ["osu018-loaded", "osu035-bare"]', "confirm = []"))
    evidence = await judge(RtlCombEvaluator(box), task, GOLDEN)
    assert evidence.passed, evidence.stages[-1].feedback
    write_liberty(tmp_path, b"library (broken) { cell (")
    with pytest.raises(UserError, match="is no Liberty that can be read") as error:
        await judge(RtlCombEvaluator(box), task, GOLDEN)
    assert f"{own}:1" in error.value.where


def test_missing_tools_are_named_with_their_package(
    evaluator: RtlCombEvaluator, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "find", lambda tool: None)
    monkeypatch.setattr(fallback, "version", lambda: "")
    monkeypatch.setattr(toolchain, "_QFLOW", (Path("/nonexistent"),))
    sentences = evaluator.prerequisites(task)
    assert [sentence.rsplit(" ", 1)[1] for sentence in sentences] == [
        "yosys",
        "berkeley-abc",
        "opensta",
        "qflow-tech-osu018",
        "qflow-tech-osu035",
    ]
    with pytest.raises(PrerequisiteMissing, match=r"OSU 0\.18 um are missing"):
        toolchain.library("osu018")
    with pytest.raises(PrerequisiteMissing, match="neither yosys and abc nor the fallback"):
        fallback.yosys("/job/script")


async def test_the_fallback_does_the_same_work(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    if not fallback.version():
        pytest.skip(f"{fallback.PACKAGE} is not installed ({fallback.HINT})")
    monkeypatch.setattr(toolchain, "find", lambda tool: None)
    netlist = await netlist_of(box, *arithmetic(4, "p", 8, "a * b"))
    results = await map_under(box, netlist, "osu018-bare")
    assert [mapped.recipe for mapped in results] == list(RUNS)
    for mapped in results:
        assert 1.0 < mapped.delay_ns < 3.0
        assert mapped.netlist(toolchain.library("osu018"), netlist).evaluate({"a": 13, "b": 11}) == {"p": 143}


async def test_a_clock_that_stands_changes_no_figure(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = await netlist_of(box, *arithmetic(4, "p", 8, "a * b"))
    if not (await standing_clock(box)).words:
        pytest.skip("no gcc in the box")
    standing = await map_under(box, netlist, "osu018-bare")
    monkeypatch.setitem(engine._COMPILED, SOURCE, None)
    assert await map_under(box, netlist, "osu018-bare") == standing


async def test_without_a_compiler_abc_has_its_own_clock(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_COMPILED", {})
    monkeypatch.setattr(engine, "_COMPILE", ("/usr/bin/false",))
    assert await standing_clock(box) == Preload()
    assert len(await map_under(box, await netlist_of(box, *arithmetic(4, "p", 8, "a * b")), "osu018-bare")) == 6
