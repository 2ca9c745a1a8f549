"""Knowledge packs: what is shown is chosen by what the evidence says, and by nothing else."""

from __future__ import annotations

import pytest

from agents.fencing import LINE_LIMIT
from agents.knowledge import MOST_SECTIONS, explain, explain_lines, load_pack
from agents.prompting_context import GUIDANCE_LIMIT, describe_failure
from evaluators.accelerators.static_rules import _SIGNS, _WORDS
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.words import Outcome


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
