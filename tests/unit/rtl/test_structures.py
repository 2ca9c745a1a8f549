"""What the structures compute, by an interpreter of the printed Verilog."""

from __future__ import annotations

import re
from random import Random

import pytest
from verilog_interpreter import assert_adds, assert_multiplies

from tools.rtl import structures
from tools.rtl.genomes import completed, new_generator, read_generator
from tools.rtl.networks import fitted, mutated
from tools.rtl.structures import BadGenome, Rows
from tools.rtl.trees import timing_driven


@pytest.mark.parametrize("width", [1, 2, 3, 4, 8, 13])
@pytest.mark.parametrize("final", sorted(structures.NETWORKS))
def test_every_network_adds(width: int, final: str) -> None:
    assert_adds(structures.named_adder(width, final))


@pytest.mark.parametrize("width", [2, 3, 4, 7, 8])
@pytest.mark.parametrize("tree", sorted(structures.TREES))
@pytest.mark.parametrize("partial", structures.PARTIALS)
def test_every_hand_design_multiplies(width: int, tree: str, partial: str) -> None:
    for final in structures.NETWORKS:
        assert_multiplies(structures.named_multiplier(width, tree, final, partial))


def test_trees_are_the_ones_of_the_books() -> None:
    """8 x 8: Dadda has 35 full and 7 half adders; Wallace never fewer of both together."""
    found = " ".join(structures.dadda(8))
    assert (found.count("f"), found.count("h")) == (35, 7)
    assert len(" ".join(structures.wallace(8)).split()) > 42


def test_networks_have_the_sizes_of_the_books() -> None:
    """32 bits: n/2 log n nodes, n log n - n + 1, 2n - 2 - log n, n - 1."""
    sizes = {name: structures.spans(structures.network(name, 32)) for name in structures.NETWORKS}
    assert sizes == {"sklansky": 80, "kogge-stone": 129, "brent-kung": 57, "ripple": 31}


@pytest.mark.parametrize("letters", ["f", "m", "j", "n", "fmjn"])
def test_ways_to_write_compressors_do_not_change_the_product(letters: str) -> None:
    tree = timing_driven(6, "and", Random(1), jitter=2.0, kinds=letters)
    tree.renumber()
    assert_multiplies(completed({"width": 6, "columns": tree.texts()}, "multiplier"))


@pytest.mark.parametrize("partial", structures.PARTIALS)
@pytest.mark.parametrize("even", [range(16), range(3, 9)])
def test_a_tree_that_leaves_two_wires_has_no_carry_running_through_it(partial: str, even: range) -> None:
    tree = timing_driven(8, partial, Random(1), even=even)
    for place in even:
        assert len(tree.left(place)) == min(2, len(tree.sources(place)))
    rippling = timing_driven(8, partial, Random(1))
    assert 1 in [len(rippling.left(place)) for place in range(4, 12)]
    tree.renumber()
    assert_multiplies(completed({"width": 8, "partial": partial, "columns": tree.texts()}, "multiplier"))


@pytest.mark.parametrize("seed", range(12))
def test_ways_to_write_gates_do_not_change_the_sum(seed: int) -> None:
    random = Random(seed)
    rows: Rows = structures.network(random.choice(sorted(structures.NETWORKS)), 12)
    for _ in range(20):
        rows, _note = mutated(rows, random)
    letters = {
        key: "".join(random.choice(among) for _ in range(12))
        for key, among in (("propagate", "xo"), ("merge", "am"), ("select", "xm"))
    }
    assert_adds({"width": 12, "prefix": rows, **letters})


def test_a_fitted_network_adds_and_takes_fewer_nodes_with_slack() -> None:
    tight, loose = (fitted([0.0] * 16, 0, slack=slack) for slack in (0.0, 8.0))
    assert_adds({"width": 16, "prefix": tight})
    assert_adds({"width": 16, "prefix": loose})
    assert structures.spans(loose) < structures.spans(tight)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["", "", "f0,1,9"], "wire 9 is not among the 3"),
        (["", "", "f0,1,1"], "wire 1 was used before"),
        (["", "", "q0,1"], "'q0,1' is no compressor"),
        (["", "", "f0,1"], "'f0,1' is no compressor"),
        ([""], "3 wires are left over"),
    ],
)
def test_a_genome_that_is_no_circuit_says_where(columns: list[str], said: str) -> None:
    with pytest.raises(BadGenome, match=re.escape(said)):
        structures.multiplier({"width": 4, "columns": columns})


@pytest.mark.parametrize("width", [0, -1, 257, "8", None])
def test_a_width_must_be_a_number_of_bits(width: object) -> None:
    with pytest.raises(BadGenome, match="width is a number of bits"):
        structures.adder({"width": width})


def test_a_program_is_read_back_as_it_was_written() -> None:
    source = new_generator("multiplier", structures.named_multiplier(8, "dadda", "kogge-stone"))
    found = read_generator(source)
    assert found is not None
    assert found.with_genome(found.genome) == source
    assert_multiplies(found.genome)


def test_a_named_hand_design_is_read_as_its_genome() -> None:
    found = read_generator(
        "# nightforge: generator\nfrom structures import adder, named_adder\n"
        "GENOME = named_adder(16, 'sklansky')\nprint(adder(GENOME))\n"
    )
    assert found is not None
    assert found.genome["prefix"] == structures.network("sklansky", 16)


@pytest.mark.parametrize(
    "source",
    [
        "module cand; endmodule",
        "# nightforge: generator\nprint('x')\n",
        "# nightforge: generator\nGENOME = open('x')\nprint(adder(GENOME))\n",
        "# nightforge: generator\nGENOME = {'width': 8\n",
        "# nightforge: generator\nGENOME = {'width': 8, 'columns': ['f0']}\nprint(multiplier(GENOME))\n",
    ],
)
def test_other_programs_have_no_genome(source: str) -> None:
    assert read_generator(source) is None
