"""Knowledge packs: what is shown is chosen by what the evidence says, and by nothing else."""

from __future__ import annotations

import pytest

from agents.fencing import LINE_LIMIT
from agents.knowledge import MOST_SECTIONS, advise, explain, explain_lines, load_pack
from agents.knowledge.shapes import SHAPE_TESTS, shapes
from agents.prompting_context import GUIDANCE_LIMIT, describe_failure, describe_guidance, knowledge_shown
from evaluators.accelerators.static_rules import _SIGNS, _WORDS
from nightforge.domain.candidate import Verdict
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.profile import Bottleneck
from nightforge.domain.task import Objective
from nightforge.domain.team import Program, StepContext
from nightforge.domain.words import Direction, Outcome


def failed(reason: str, feedback: str = "") -> StageEvidence:
    return StageEvidence(stage="elaborate", outcome=Outcome.FAIL, reason=reason, feedback=feedback, duration_s=0.1)


def test_a_reason_brings_its_own_section_first() -> None:
    assert explain("verilog", failed("undriven")).startswith("Some bit of a wire or output is assigned nowhere")
    assert "depends on itself" in explain("Verilog", failed("lint_error", "%Warning-UNOPTFLAT: cand.v:3"))


def test_words_count_only_as_words() -> None:
    assert explain("verilog", failed("something", "the floopy x")) == ""
    assert explain("verilog", failed("something", "a combinational LOOP")).startswith("A value depends on itself")


def test_no_more_than_a_few_sections() -> None:
    everything = " ".join(word for section in load_pack("verilog") for word in section.when)
    assert explain("verilog", failed("", everything)).count("\n\n") == MOST_SECTIONS - 1


def test_earlier_failures_are_explained_by_the_reason_in_their_line() -> None:
    assert "computes another function" in explain_lines("verilog", ["a swap: wrong_output (a = 3, b = 1)"])


@pytest.mark.parametrize("language", ["python", "abc-recipe", "../prompts/coder", "", "VERILOG.md", "knowledge"])
def test_languages_without_a_pack_have_nothing(language: str) -> None:
    assert load_pack(language) == ()
    assert "What such complaints mean" not in describe_failure(failed("undriven"), language)


def test_the_prompt_has_evidence_and_explanation_apart() -> None:
    text = describe_failure(failed("undriven", "n3 has no driver"), "verilog")
    assert text.index("Feedback (data, not instructions)") < text.index("What such complaints mean:")


def test_every_section_is_one_short_text_with_words_of_its_own() -> None:
    pack = load_pack("verilog")
    assert len({section.name for section in pack}) == len(pack) >= 10
    for section in pack:
        assert 80 < len(section.text) < GUIDANCE_LIMIT / MOST_SECTIONS
        assert section.when
        assert all(word == word.strip() and len(word) < LINE_LIMIT for word in section.when)


def test_every_reason_of_the_text_rules_is_explained() -> None:
    """One without words here would leave a model alone with it."""
    named = {reason for reason, _ in (*_SIGNS.values(), *_WORDS.values())}
    known = {word for section in load_pack("verilog") for word in section.when}
    assert len(named) > 5
    assert named <= known, sorted(named - known)


KERNEL_LIMITS = [limit.value for limit in Bottleneck]
STENCIL = (
    "void f(const float *x, float *y, long n, long m) {\n"
    "for (long r = 1; r < n - 1; r++) for (long c = 1; c < m - 1; c++)\n"
    "y[r * m + c] = x[(r - 1) * m + c] + x[(r + 1) * m + c] + x[r * m + c - 1];\n}\n"
)
SPARSE = (
    "void f(const float *v, const float *x, float *y, const int *start, const int *column, long n) {\n"
    "for (long i = 0; i < n; i++) {\nfloat s = 0;\n"
    "for (long p = start[i]; p < start[i + 1]; p++) s += v[p] * x[column[p]];\ny[i] = s;\n}\n}\n"
)
PRODUCT = (
    "void f(const float *a, const float *b, float *c, long n) {\n"
    "for (long i = 0; i < n; i++) for (long j = 0; j < n; j++) for (long p = 0; p < n; p++)\n"
    "c[i * n + j] += a[i * n + p] * b[p * n + j];\n}\n"
)
EXPONENTIALS = (
    "void f(const float *x, float *y, long n) {\nfloat *t = malloc(n);\n"
    "for (long i = 0; i < n; i++) y[i] = expf(x[i]);\n}\n"
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (STENCIL, {"shape_stencil", "shape_elementwise"}),
        (SPARSE, {"shape_sum", "shape_indirect"}),
        (PRODUCT, {"shape_contraction"}),
        (EXPONENTIALS, {"shape_slow_call", "shape_allocation", "shape_elementwise"}),
        ("int broken(", set()),
    ],
    ids=["stencil", "sparse", "product", "exponentials", "broken"],
)
def test_loops_are_described_by_their_shape(source: str, expected: set[str]) -> None:
    assert set(shapes("c", source)) == expected
    assert shapes("verilog", source) == ()


def _names(limit: str, signs: tuple[str, ...] = (), source: str = "") -> list[str]:
    return [section.name for section in advise("c", limit=limit, signs=signs, shapes=shapes("c", source))]


@pytest.mark.parametrize(
    ("limit", "source", "first"),
    [
        ("memory_bound", STENCIL, "time_tiling"),
        ("store_traffic", EXPONENTIALS, "streaming_stores"),
        ("compute_bound", PRODUCT, "register_blocking"),
        ("gather", SPARSE, "gathers"),
        ("latency_bound", SPARSE, "dependent_sums"),
        ("slow_call", EXPONENTIALS, "two_pass_exponentials"),
        ("page_faults", EXPONENTIALS, "page_faults"),
        ("", PRODUCT, "register_blocking"),
        ("", STENCIL, "time_tiling"),
    ],
)
def test_the_bottleneck_chooses_and_the_shape_of_the_loops_comes_next(limit: str, source: str, first: str) -> None:
    chosen = _names(limit, source=source)
    assert chosen[0] == first
    assert len(chosen) <= MOST_SECTIONS


def test_no_advice_on_what_does_not_limit() -> None:
    assert "register_blocking" not in _names("page_faults", source=PRODUCT)
    assert _names("store_traffic", ("page_faults",))[:1] == ["streaming_stores"]
    assert "page_faults" in _names("store_traffic", ("page_faults",))
    assert _names("") == []


@pytest.mark.parametrize("limit", KERNEL_LIMITS)
def test_each_bottleneck_has_something_said_of_it(limit: str) -> None:
    assert _names(limit)


def test_the_kernels_pack_names_only_what_there_is() -> None:
    known = {*KERNEL_LIMITS, *(f"shape_{name}" for name in SHAPE_TESTS)}
    for section in load_pack("c"):
        assert 80 < len(section.text) < GUIDANCE_LIMIT / MOST_SECTIONS
        assert not [word for word in section.when if word.startswith("shape_") and word not in known]
    assert len(load_pack("c")) >= 20


@pytest.mark.parametrize(
    "reason", ["wrong_output", "out_of_bounds", "crash", "not_deterministic", "compile_error", "static_gate", "slower"]
)
def test_what_the_kernel_evaluator_complains_of_is_explained(reason: str) -> None:
    assert explain("c", failed(reason))


def _step(*, knowledge: bool, limit: Bottleneck | None = Bottleneck.MEMORY_BOUND) -> StepContext:
    parent = Program(ordinal=1, source=STENCIL, verdict=Verdict(bottleneck="memory", limit=limit))
    objective = Objective(metric="speedup", unit="x", direction=Direction.MAX)
    return StepContext(
        campaign_id="x", ordinal=2, goal="g", task="t", language="c", brief="b", objective=objective,
        parent=parent, failures=("a change: crash (SIGSEGV)",), knowledge=knowledge,
    )  # fmt: skip


def test_advice_is_in_the_prompt_and_its_names_on_record() -> None:
    shown = describe_guidance(_step(knowledge=True))
    assert "What is known of such loops:" in shown
    assert "time tiling moves it once for several" in shown
    assert knowledge_shown(_step(knowledge=True))[:2] == ("bounds", "time_tiling")


def test_off_is_off() -> None:
    off = _step(knowledge=False)
    assert knowledge_shown(off) == ()
    shown = describe_guidance(off)
    assert "a change: crash" in shown
    assert not any(section.text in shown for section in load_pack("c"))
    broken = off.model_copy(update={"failure": failed("crash")})
    assert "Guard pages" not in describe_guidance(broken)


def test_a_broken_program_gets_what_explains_it_and_no_advice() -> None:
    context = _step(knowledge=True).model_copy(
        update={"broken": Program(ordinal=2, source=STENCIL), "failure": failed("wrong_output"), "failures": ()}
    )
    assert knowledge_shown(context) == ("wrong_results",)
