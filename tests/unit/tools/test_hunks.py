"""Hunks of a difference: all of them make the new program, none of them the old one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.hunks import changes_between, without

texts = st.lists(st.sampled_from(["a\n", "b\n", "\n", "c\f\n", "x\r\n", "tail"]), max_size=12).map("".join)


@given(texts, texts)
def test_all_or_none(old: str, new: str) -> None:
    numbers = {change.number for change in changes_between(old, new)}
    assert without(old, new, ()) == new
    assert without(old, new, numbers) == old


@given(texts, texts)
def test_numbers_count_from_one_and_equal_programs_have_none(old: str, new: str) -> None:
    found = changes_between(old, new)
    assert [change.number for change in found] == list(range(1, len(found) + 1))
    assert (not found) == (old == new)


def test_lines_changed_one_for_one_are_single_hunks() -> None:
    found = changes_between("a\nb\nc\nd\n", "a\nB\nC\nd\n")
    assert [(change.before, change.after) for change in found] == [(("b\n",), ("B\n",)), (("c\n",), ("C\n",))]
    assert without("a\nb\nc\nd\n", "a\nB\nC\nd\n", {1}) == "a\nb\nC\nd\n"
    assert found[0].diff == "-b\n+B"


def test_a_long_insertion_is_broken_at_blank_lines() -> None:
    block = "".join(f"line {place}\n" for place in range(12)) + "\n"
    found = changes_between("start\nend\n", f"start\n{block}{block}end\n")
    assert len(found) == 2
    assert without("start\nend\n", f"start\n{block}{block}end\n", {2}) == f"start\n{block}end\n"


def test_a_line_that_became_another_is_told_from_what_came_beside_it() -> None:
    old, new = "x = 3\ny = 5\n", "# why\nx = 29\n\n# because\ny = 17\n# end\n"
    found = {change.number: change.diff for change in changes_between(old, new)}
    assert "-x = 3\n+x = 29" in found.values()
    assert "-y = 5\n+y = 17" in found.values()
    comments = {number for number, diff in found.items() if "-" not in diff}
    assert without(old, new, comments) == "x = 29\ny = 17\n"
