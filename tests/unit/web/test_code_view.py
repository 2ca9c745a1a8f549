"""Programs as marked-up lines: nothing is lost, nothing is added, nothing gets through unescaped."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightforge.report.text import clean
from nightforge.web.code_view import Difference, difference, highlighted, shown_lines

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=400)
PROGRAMS = st.lists(st.sampled_from(["int a;", "a += 1;", "", "  b<c && d;", "}", "/* x */"]), max_size=30)
TAGS = re.compile(r"</?(?:i|b)(?: class=\"c[a-z]\")?>")


def plain(markup: str) -> str:
    return html.unescape(TAGS.sub("", markup))


@given(TEXTS, st.sampled_from(["c", "python", "verilog", "json", "bundle", "no such language"]))
@example('"\\\n<b>', "c")
@example("'''\n</i><script>", "python")
def test_highlighting_keeps_every_character(source: str, language: str) -> None:
    lines = highlighted(source, language)
    expected = clean(source).split("\n")
    if expected[-1] == "":
        expected.pop()
    assert [plain(str(line)) for line in lines] == expected
    for line in lines:
        assert "<" not in TAGS.sub("", line)
        assert line.count("<i ") == line.count("</i>")


def test_kinds_of_tokens_are_told_apart() -> None:
    (line, comment) = highlighted('float f = 1.5f; char *s = "x";\n// why\n', "c")
    assert '<i class="ck">float</i>' in line
    assert '<i class="cn">1.5f</i>' in line
    assert '<i class="cs">' in line
    assert comment == '<i class="cc">// why</i>'


@given(PROGRAMS, PROGRAMS)
def test_a_difference_turns_one_program_into_the_other(before: list[str], after: list[str]) -> None:
    found = difference("\n".join(before), "\n".join(after))
    old, new = clean("\n".join(before)).splitlines(), clean("\n".join(after)).splitlines()
    assert found.is_empty == (old == new)
    assert rebuilt(found, old) == new
    lines = [line for hunk in found.hunks for line in hunk.lines]
    assert found.added == sum(line.mark == "+" for line in lines)
    assert found.removed == sum(line.mark == "-" for line in lines)
    assert [line.text for line in lines if line.old] == [old[line.old - 1] for line in lines if line.old]
    assert [line.text for line in lines if line.new] == [new[line.new - 1] for line in lines if line.new]


def rebuilt(found: Difference, old: list[str]) -> list[str]:
    """As `patch` would do it."""
    if found.is_empty:
        return old
    made: list[str] = []
    at = 0
    for hunk in found.hunks:
        made += old[at : at + hunk.skipped]
        at += hunk.skipped
        for line in hunk.lines:
            at += line.mark != "+"
            if line.mark != "-":
                made.append(line.text)
    assert len(old) - at == found.skipped_at_end
    return made + old[at:]


@given(PROGRAMS, PROGRAMS)
def test_every_line_of_a_difference_is_shown(before: list[str], after: list[str]) -> None:
    found = difference("\n".join(before), "\n".join(after))
    shown = shown_lines(found)
    told = [line for one in shown if one.look != "h" for line in [plain(str(one.html))]]
    assert told == [line.text for hunk in found.hunks for line in hunk.lines]
    for one in shown:
        assert "<" not in TAGS.sub("", one.html)


def test_words_that_changed_are_marked() -> None:
    shown = shown_lines(difference("#define BLOCK 1024\n", "#define BLOCK 8192\n"))
    assert [(one.look, str(one.html)) for one in shown] == [
        ("d", "#define BLOCK <b>1024</b>"),
        ("a", "#define BLOCK <b>8192</b>"),
    ]


def test_lines_with_nothing_in_common_are_not_marked_word_by_word() -> None:
    shown = shown_lines(difference("return alpha;\n", "while (x < y) { z(); }\n"))
    assert [str(one.html) for one in shown] == ["return alpha;", "while (x &lt; y) { z(); }"]


@pytest.mark.parametrize(("old", "new"), [("", "int a;\n"), ("int a;\n", "")])
def test_a_whole_program_that_came_or_went(old: str, new: str) -> None:
    found = difference(old, new)
    assert (found.added, found.removed) == ((1, 0) if new else (0, 1))
