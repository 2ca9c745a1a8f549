from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from workflows.search.grid import bin_of, cell_of, rarity_of

finite = st.floats(-1e12, 1e12)


@given(finite, finite)
def test_bins_keep_the_order_of_values(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert bin_of(low) <= bin_of(high)


@given(st.floats(1.0, 1e9))
def test_twice_as_large_is_two_bins_on_at_any_scale(value: float) -> None:
    assert bin_of(2 * value + 1) - bin_of(value) == 2


def test_cells_need_every_dimension_as_a_finite_number() -> None:
    assert cell_of({"a": 1.0, "b": -3.0, "c": 9.0}, ("a", "b")) == "2/-4"
    assert cell_of({"a": 1.0}, ("a", "b")) == ""
    assert cell_of({"a": math.nan, "b": 1.0}, ("a", "b")) == ""
    assert cell_of({"a": math.inf}, ("a",)) == ""
    assert cell_of({"a": 1.0}, ()) == ""


@given(st.dictionaries(st.integers(0, 50), st.sampled_from(["x", "y", "z"]), min_size=1))
def test_each_cell_weighs_one(cells: dict[int, str]) -> None:
    rarity = rarity_of(cells)
    for cell in set(cells.values()):
        assert math.isclose(sum(rarity[ordinal] for ordinal, here in cells.items() if here == cell), 1.0)
