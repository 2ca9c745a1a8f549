"""Edits, whole programs and borders: what applies, what does not, and what is said about it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightforge.domain.team import NoDraft
from tools.patching import (
    Edit,
    apply_edits,
    extract_program,
    has_edits,
    parse_edits,
    program_from_reply,
    replace_program,
    unified_diff,
)

PROGRAM = """#include <math.h>
int nf_kernel(void) {
    for (int i = 0; i < 8; i++) {
        step(i);
    }
    return 0;
}
"""

MARKED = """#include <math.h>
// EVOLVE-BLOCK-START
int f(void) { return 1; }
// EVOLVE-BLOCK-END
int main(void) { return f(); }
"""


def block(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def refused(result: str | NoDraft) -> NoDraft:
    assert isinstance(result, NoDraft), result
    return result


def test_an_exact_edit_applies() -> None:
    result = program_from_reply(PROGRAM, "NOTE: fewer\n" + block("        step(i);", "        step(2 * i);"))
    assert result == PROGRAM.replace("step(i)", "step(2 * i)")


def test_several_edits_apply_in_order_each_to_the_last_result() -> None:
    reply = block("    return 0;", "    return 1;") + block("    return 1;", "    return 2;")
    assert program_from_reply(PROGRAM, reply) == PROGRAM.replace("return 0", "return 2")


def test_an_edit_inside_a_fence_applies() -> None:
    reply = "```c\n" + block("    return 0;", "    return 7;") + "```\n"
    assert program_from_reply(PROGRAM, reply) == PROGRAM.replace("return 0", "return 7")


def test_lines_may_be_deleted() -> None:
    assert program_from_reply(
        PROGRAM, block("        step(i);", "").replace("=======\n\n", "=======\n")
    ) == PROGRAM.replace("        step(i);\n", "")


def test_other_white_space_is_tolerated_and_the_indent_is_kept() -> None:
    reply = block("for (int i = 0;  i < 8; i++) {\n  step(i);\n}", "for (int i = 0; i < 4; i++) {\n    step(i);\n}")
    result = program_from_reply(PROGRAM, reply)
    assert result == PROGRAM.replace("i < 8", "i < 4")


def test_a_search_that_stands_twice_is_refused_with_its_lines() -> None:
    said = refused(apply_edits("a\nb\na\n", [Edit(1, ("a",), ("c",))]))
    assert said.reason == "edit_does_not_apply"
    assert "Block 1 stands 2 times (at lines 1, 3)" in said.feedback


def test_a_search_that_stands_nowhere_is_refused_with_the_nearest_lines() -> None:
    reply = block("    return 0;", "    return 1;") + block("        stepp(i, j);", "")
    said = refused(program_from_reply(PROGRAM, reply))
    assert said.reason == "edit_does_not_apply"
    assert said.feedback.startswith("Block 2 is not in the program.")
    assert "4:         step(i);" in said.feedback


def test_a_search_that_resembles_nothing_says_so() -> None:
    said = refused(program_from_reply(PROGRAM, block("@@@ zzz @@@", "x")))
    assert "nothing there resembles" in said.feedback


def test_an_empty_search_names_no_place() -> None:
    said = refused(program_from_reply(PROGRAM, block("", "int x;")))
    assert said.reason == "edit_does_not_apply"
    assert "empty SEARCH" in said.feedback


@pytest.mark.parametrize(
    "reply", ["<<<<<<< SEARCH\na", "<<<<<<< SEARCH\na\n=======\nb", "```c\nint main(void) {", "text\n~~~\nint"]
)
def test_a_cut_reply_is_truncated(reply: str) -> None:
    assert refused(program_from_reply(PROGRAM, reply)).reason == "truncated"


@pytest.mark.parametrize("reply", ["", "I would unroll the loop.", "```\n\n```", "a ``` b"])
def test_prose_is_no_program(reply: str) -> None:
    assert refused(program_from_reply(PROGRAM, reply)).reason == "no_program"


def test_the_longest_fence_is_the_program() -> None:
    reply = "First:\n```\nshort\n```\nthen\n````c\nint f(void);\n```\nint g(void);\n````\nend"
    assert extract_program(reply) == "int f(void);\n```\nint g(void);\n"


def test_a_divider_inside_the_replacement_is_kept() -> None:
    result = program_from_reply(PROGRAM, block("    return 0;", "    // =======\n=======\n    return 0;"))
    assert result == PROGRAM.replace("    return 0;", "    // =======\n=======\n    return 0;")


def test_carriage_returns_are_kept() -> None:
    program = PROGRAM.replace("\n", "\r\n")
    result = program_from_reply(program, block("    return 0;", "    return 3;\n    // end"))
    assert result == program.replace("return 0;", "return 3;\r\n    // end")


def test_edits_inside_the_evolve_block_apply() -> None:
    result = program_from_reply(MARKED, block("int f(void) { return 1; }", "int f(void) { return 2; }"))
    assert result == MARKED.replace("return 1", "return 2")


@pytest.mark.parametrize(
    ("search", "replace"),
    [
        ("#include <math.h>", "#include <time.h>"),
        ("int main(void) { return f(); }", "int main(void) { return 0; }"),
        ("// EVOLVE-BLOCK-END", "// end"),
        ("int f(void) { return 1; }", "// EVOLVE-BLOCK-END\nint f(void) { return 1; }\n// EVOLVE-BLOCK-START"),
    ],
)
def test_edits_outside_the_evolve_block_are_refused(search: str, replace: str) -> None:
    said = refused(
        program_from_reply(
            MARKED,
            block("int f(void) { return 1; }", "int f(void) { return 3; }").replace("return 3", "return 1")
            + block(search, replace),
        )
    )
    assert said.reason == "outside_evolve_block"
    assert "Block 2" in said.feedback


def test_a_whole_program_may_change_only_the_block() -> None:
    better = MARKED.replace("return 1", "return 5")
    assert program_from_reply(MARKED, f"```c\n{better}```") == better
    cheat = better.replace("return f()", "return 0")
    assert refused(program_from_reply(MARKED, f"```c\n{cheat}```")).reason == "outside_evolve_block"
    bare = "int f(void) { return 5; }"
    assert refused(program_from_reply(MARKED, f"```c\n{bare}\n```")).reason == "outside_evolve_block"


def test_a_reindented_whole_program_takes_over_only_its_blocks() -> None:
    loose = MARKED.replace("int main", "   int  main").replace("return 1", "return 9")
    assert replace_program(MARKED, loose) == MARKED.replace("return 1", "return 9")


def test_a_diff_reads_as_a_unified_diff() -> None:
    text = unified_diff("a\nb\n", "a\nc\n", before_name="seed", after_name="candidate 3")
    assert text == "--- seed\n+++ candidate 3\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"
    assert unified_diff("a\n", "a\n") == ""


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=12)
PROGRAMS = st.lists(LINE, min_size=1, max_size=12).map("\n".join)
PIECES = st.sampled_from(
    [
        "<<<<<<< SEARCH",
        "=======",
        ">>>>>>> REPLACE",
        "```c",
        "```",
        "~~~",
        "EVOLVE-BLOCK-START",
        "EVOLVE-BLOCK-END",
        "a",
        "  a",
        "",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=14).map("\n".join)), PROGRAMS)
@example("<<<<<<< SEARCH\n\n=======\n>>>>>>> REPLACE", "")
def test_no_reply_raises_and_the_same_reply_gives_the_same(reply: str, program: str) -> None:
    first = program_from_reply(program, reply)
    assert first == program_from_reply(program, reply)
    assert has_edits(reply) or isinstance(first, NoDraft) or first.strip()
    if isinstance(first, NoDraft):
        assert first.reason in {"edit_does_not_apply", "no_program", "outside_evolve_block", "truncated"}
        assert first.feedback


@given(PROGRAMS, st.data())
def test_a_change_of_distinct_lines_round_trips(program: str, data: st.DataObject) -> None:
    lines = [f"{number}: {line}" for number, line in enumerate(program.split("\n"))]
    source = "\n".join(lines)
    start = data.draw(st.integers(0, len(lines) - 1))
    stop = data.draw(st.integers(start + 1, len(lines)))
    new = tuple(data.draw(st.lists(st.integers(0, 9).map("new {}".format), max_size=4)))
    edits = [Edit(1, tuple(lines[start:stop]), new)]
    after = apply_edits(source, edits)
    assert after == "\n".join([*lines[:start], *new, *lines[stop:]])
    if new and len(set(new)) == len(new):
        assert apply_edits(str(after), [Edit(1, new, tuple(lines[start:stop]))]) == source


@given(PROGRAMS)
def test_a_fenced_program_comes_back_as_it_was(program: str) -> None:
    fenced = f"~~~~~\n{program}\n~~~~~"
    extracted = extract_program(fenced)
    if program.strip() and "~~~~~" not in program:
        assert extracted == program + "\n"


@given(st.lists(st.tuples(LINE, LINE), min_size=1, max_size=4))
def test_what_is_written_as_blocks_is_parsed_as_blocks(pairs: list[tuple[str, str]]) -> None:
    numbered = [(f"s {search}", f"r {replace}") for search, replace in pairs]
    edits = parse_edits("".join(block(search, replace) for search, replace in numbered))
    assert not isinstance(edits, NoDraft)
    assert [(edit.number, edit.search, edit.replace) for edit in edits] == [
        (number, (search,), (replace,)) for number, (search, replace) in enumerate(numbered, start=1)
    ]
