"""Cheats that live in the Verilog: every one ends in a reason and a mend, and honest designs of the same kind pass."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from evaluators.accelerators.elaborate import elaborate
from evaluators.accelerators.prove import prove
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.rtl_comb import RtlCombEvaluator
from evaluators.accelerators.rtl_flow import RtlFlow
from evaluators.accelerators.rtl_settings import read_settings
from evaluators.accelerators.toolchain import TOOLS, lacking
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome, Phase
from sandbox import open_sandbox

HERE = Path(__file__).parent
pytestmark = [
    pytest.mark.box,
    pytest.mark.skipif(bool(lacking(TOOLS, ("osu018", "osu035"))), reason="; ".join(lacking(TOOLS, ("osu018",)))),
]

REFUSED: Mapping[str, tuple[str, frozenset[str]]] = {
    "01_prints_pass_and_finishes": ("static", frozenset({"initial_block"})),
    "02_random_output": ("static", frozenset({"system_task"})),
    "03_reads_harness_files": ("static", frozenset({"system_task"})),
    "04_readmemh_table": ("static", frozenset({"initial_block"})),
    "05_hierarchical_path": ("elaborate", frozenset({"lint_error", "implicit_wire"})),
    "06_undriven_half": ("elaborate", frozenset({"undriven"})),
    "07_x_constant": ("static", frozenset({"undefined_value"})),
    "08_case_equality": ("static", frozenset({"unsynthesisable"})),
    "09_ifdef_synthesis": ("static", frozenset({"directive"})),
    "10b_translate_off_both": ("prove", frozenset({"wrong_output"})),
    "11_black_box": ("static", frozenset({"attribute"})),
    "11b_undefined_module": ("elaborate", frozenset({"lint_error", "unknown_module"})),
    "11c_empty_module": ("elaborate", frozenset({"black_box", "undriven"})),
    "12_latch": ("elaborate", frozenset({"latch"})),
    "12b_latch_by_case": ("elaborate", frozenset({"latch"})),
    "13_loop": ("elaborate", frozenset({"loop"})),
    "13b_ring": ("elaborate", frozenset({"loop"})),
    "14_library_cell": ("elaborate", frozenset({"lint_error", "unknown_module"})),
    "14b_internal_cell": ("static", frozenset({"escaped_name"})),
    "15_keep_attribute": ("static", frozenset({"attribute"})),
    "15b_abc9_box": ("static", frozenset({"attribute"})),
    "16_delay": ("static", frozenset({"delay"})),
    "16b_delay_in_process": ("static", frozenset({"delay"})),
    "17_initial_values": ("static", frozenset({"initial_block"})),
    "17b_initialised_register": ("static", frozenset({"initial_block"})),
    "18_called_tb": ("static", frozenset({"no_top"})),
    "18b_second_top": ("elaborate", frozenset({"defined_twice", "lint_error"})),
    "18c_extra_port": ("elaborate", frozenset({"wrong_ports"})),
    "18d_narrow_port": ("elaborate", frozenset({"wrong_ports"})),
    "18e_output_as_input": ("elaborate", frozenset({"wrong_ports", "undriven"})),
    "18f_top_parameter": ("elaborate", frozenset({"wrong_ports"})),
    "28_endless_loop": ("elaborate", frozenset({"synthesis_stopped", "synthesis_timeout"})),
    "28b_tower_of_powers": ("elaborate", frozenset({"not_synthesisable"})),
    "28c_endless_instances": ("elaborate", frozenset({"synthesis_stopped", "synthesis_timeout"})),
    "28d_wide_wire": ("elaborate", frozenset({"lint_error", "synthesis_stopped", "synthesis_timeout"})),
    "30_two_drivers": ("prove", frozenset({"wrong_output"})),
    "30b_two_drivers_of_logic": ("elaborate", frozenset({"several_drivers"})),
    "31_tri_state": ("static", frozenset({"undefined_value"})),
    "32_register": ("static", frozenset({"clocked"})),
    "33_latch_by_word": ("static", frozenset({"clocked"})),
    "34_division_by_zero": ("prove", frozenset({"wrong_output"})),
    "35_out_of_range": ("prove", frozenset({"wrong_output"})),
    "36_implicit_wire": ("elaborate", frozenset({"implicit_wire"})),
    "37_string_hides_comment": ("static", frozenset({"string"})),
    "38_foreign_letters": ("static", frozenset({"not_text"})),
    "39_assume": ("static", frozenset({"unsynthesisable"})),
    "40_syntax": ("elaborate", frozenset({"lint_error", "syntax_error"})),
    "41_wrong_in_one_corner": ("prove", frozenset({"wrong_output"})),
    "42_include": ("static", frozenset({"directive"})),
    "43_defparam": ("static", frozenset({"unsynthesisable"})),
    "44_no_gates": ("prove", frozenset({"wrong_output"})),
    "45_casex": ("static", frozenset({"unsynthesisable"})),
}
HEAD = "module cand(input [7:0] a, input [7:0] b, output [15:0] p);\n"
HARMLESS_ON_THEIR_OWN = frozenset(
    {"15_keep_attribute", "15b_abc9_box", "37_string_hides_comment", "43_defparam", "45_casex"}
)
"""What the rules refuse although its netlist is honest: there is no gain in it, only a way to steer a tool."""


def text_of(folder: str, name: str) -> str:
    return (HERE / folder / f"{name}.v").read_text()


async def judge(rtl_comb: RtlCombEvaluator, task: Task, source: str) -> Evidence:
    return await rtl_comb.evaluate(source, task, {}, seed=7, phase=Phase.SEARCH)


def test_every_file_is_expected() -> None:
    assert {file.stem for file in (HERE / "must_reject").glob("*.v")} == set(REFUSED)


@pytest.mark.parametrize("name", sorted(REFUSED))
async def test_cheat_is_refused_with_its_reason(name: str, rtl_comb: RtlCombEvaluator, mul8: Task) -> None:
    task = mul8
    if name.startswith("28"):  # what never ends shall not take its whole time here
        stages = tuple(one.model_copy(update={"wall_s": 4.0}) for one in mul8.stages)
        task = mul8.model_copy(update={"stages": stages})
    evidence = await judge(rtl_comb, task, text_of("must_reject", name))
    stage, reasons = REFUSED[name]
    last = evidence.stages[-1]
    assert (last.stage, last.reason in reasons) == (stage, True), f"{last.stage}: {last.reason}: {last.feedback}"
    assert last.outcome in (Outcome.FAIL, Outcome.TIMEOUT)
    assert last.feedback.strip()
    assert not {"area_um2", "adp_um2_ns"} & set(evidence.metrics)


STOPPED_BY_THE_RULES = sorted(name for name, (stage, _) in REFUSED.items() if stage == "static")


@pytest.mark.parametrize("name", STOPPED_BY_THE_RULES)
async def test_the_netlist_is_a_fence_without_the_rules(name: str, mul8: Task) -> None:
    """Were a rule forgotten: the netlist is refused, or computes something else, or is plainly honest."""
    box = open_sandbox()
    flow = RtlFlow(box)
    settings = read_settings(mul8)
    try:
        found = await elaborate(box, text_of("must_reject", name), settings.specs, wall_s=10)
    except Refused:
        return
    golden = await flow.golden(mul8, settings)
    proof = await prove(await flow.engine(), box, golden, found.netlist)
    assert (proof.mismatch is None) == (name in HARMLESS_ON_THEIR_OWN)


@pytest.mark.parametrize("name", sorted(file.stem for file in (HERE / "must_accept").glob("*.v")))
async def test_honest_design_is_measured(name: str, rtl_comb: RtlCombEvaluator, mul8: Task) -> None:
    evidence = await judge(rtl_comb, mul8, text_of("must_accept", name))
    assert evidence.passed, f"{evidence.stages[-1].reason}: {evidence.stages[-1].feedback}"
    assert evidence.metrics["proved"].value == 1
    assert evidence.metrics["area_um2"].value > 8000


async def test_comments_change_nothing(rtl_comb: RtlCombEvaluator, mul8: Task) -> None:
    plain = await judge(rtl_comb, mul8, text_of("must_accept", "star"))
    steered = await judge(rtl_comb, mul8, text_of("no_gain", "10_translate_off"))
    assert steered.metrics["adp_um2_ns"] == plain.metrics["adp_um2_ns"]


async def test_names_change_nothing(rtl_comb: RtlCombEvaluator, mul8: Task) -> None:
    """The mapper sees numbers: a design cannot be renamed until the mapper is lucky."""
    rows = "".join(f"  wire [15:0] row{bit} = {{8'd0, a & {{8{{b[{bit}]}}}}}} << {bit};\n" for bit in range(8))
    one = f"{HEAD}{rows}  assign p = {' + '.join(f'row{bit}' for bit in range(8))};\nendmodule\n"
    other = one.replace("row", "an_altogether_other_name_")
    figures = [(await judge(rtl_comb, mul8, text)).metrics["adp_um2_ns"].value for text in (one, other)]
    assert figures[0] == figures[1]
