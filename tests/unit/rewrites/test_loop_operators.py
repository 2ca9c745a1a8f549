"""Operators on nests of loops: what they make computes the same, alone and on top of one another."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loop_programs import PRODUCTS, PROGRAMS, ROWS, SHAPES, SWEEPS, Workbench, question, same

from nightforge.domain.team import OperatorContext, Program
from tools.rewrites.align import Align
from tools.rewrites.batch_lanes import BatchLanes
from tools.rewrites.fusion import Fusion
from tools.rewrites.inline import Inline
from tools.rewrites.interchange import Interchange
from tools.rewrites.recompute import Recompute
from tools.rewrites.register_block import RegisterBlock
from tools.rewrites.rewrite import Rewrite
from tools.rewrites.row_group import RowGroup
from tools.rewrites.split_accumulators import SplitAccumulators
from tools.rewrites.stream_store import StreamStore
from tools.rewrites.tile import Tile
from tools.rewrites.time_tile import TimeTile
from tools.rewrites.unroll import Unroll
from tools.rewrites.unroll_jam import UnrollJam
from tools.rewrites.vectors import VectorStream, VectorSum

PLACES: dict[type[Rewrite], set[str]] = {
    Align: {*SWEEPS, *PRODUCTS, *ROWS} - {"sparse", "vector"},
    BatchLanes: {"batch"},
    Inline: {"rows"},
    RegisterBlock: {*PRODUCTS},
    RowGroup: {"sparse"},
    Tile: {*PROGRAMS},
    TimeTile: {*SWEEPS},
    UnrollJam: {*PROGRAMS},
    VectorStream: {"scaled", "rows", *SWEEPS},
    VectorSum: {"vector", "product_sum", "rows"},
}
"""Operators with patterns of their own → programs in which they may find a place; elsewhere they must not."""
ALWAYS = {
    Align: {"scaled", "product_ipj"},
    Tile: {"product_ijp", "product_pij", "transposed"},
    TimeTile: {*SWEEPS},
    VectorStream: {"scaled"},
    VectorSum: {"vector"},
    UnrollJam: {"vector", "product_ijp", "product_sum", "sweeps_parity"},
}
"""Where they must find one; for the others all of `PLACES`."""
EXACT = frozenset({Align, Inline, Interchange, TimeTile, VectorStream, StreamStore, BatchLanes})
"""Those that leave each addition where it was; with -O1 and no fast-math, contraction into fma is the same, too."""
TOGETHER: tuple[type[Rewrite], ...] = (
    *PLACES, Fusion, Interchange, Recompute, SplitAccumulators, StreamStore, Unroll,
)  # fmt: skip
QUESTIONS = [question(shape, number) for number, shape in enumerate(SHAPES)]
_CONTRACT = ("-ffp-contract=off",)


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return Workbench(tmp_path_factory.mktemp("loops"))


def proposals(operator: Rewrite, source: str) -> list[str]:
    parent = Program(ordinal=0, source=source)
    return [draft.source for draft in operator.propose(OperatorContext(language="c", parent=parent, seed=0))]


@pytest.mark.parametrize("kind", PLACES, ids=lambda kind: kind.name)
def test_each_operator_finds_its_places_and_computes_the_same(kind: type[Rewrite], workbench: Workbench) -> None:
    for name, source in PROGRAMS.items():
        made = proposals(kind(), source)
        if name in ALWAYS.get(kind, PLACES[kind]):
            assert made, f"{kind.name} found nothing in {name}"
        if name not in PLACES[kind]:
            assert not made, f"{kind.name} changed {name}"
        wanted = workbench.run(source, QUESTIONS, _CONTRACT) if made else []
        for changed in made[: 1 if kind is RegisterBlock else 2]:
            found = workbench.run(changed, QUESTIONS, _CONTRACT)
            assert same(found, wanted, exact=kind in EXACT), f"{kind.name} on {name}\n{changed}"


@given(data=st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_operators_compose(data: st.DataObject, workbench: Workbench) -> None:
    """Any few operators on top of one another, any of their proposals: the program compiles and computes the same."""
    name = data.draw(st.sampled_from(sorted(PROGRAMS)))
    random = Random(data.draw(st.integers(0, 10_000)))
    source, trail = PROGRAMS[name], list[str]()
    for _ in range(random.randint(2, 4)):
        kinds = random.sample(TOGETHER, len(TOGETHER))
        choices = ((kind, made) for kind in kinds if (made := proposals(kind(), source)))
        found = next(choices, None)
        if found is None:
            break
        source = random.choice(found[1][:6])
        trail.append(found[0].name)
    sizes = (data.draw(st.integers(1, 21)), data.draw(st.integers(1, 37)), data.draw(st.integers(1, 9)))
    asked = [question(sizes, data.draw(st.integers(0, 99)))]
    wanted = workbench.run(PROGRAMS[name], asked, _CONTRACT)
    assert same(workbench.run(source, asked, _CONTRACT), wanted, exact=False), f"{name}: {trail}\n{source}"


@pytest.mark.parametrize("kind", TOGETHER, ids=lambda kind: kind.name)
def test_proposals_are_the_same_each_time(kind: type[Rewrite]) -> None:
    for source in PROGRAMS.values():
        assert proposals(kind(), source) == proposals(kind(), source)


def test_wide_and_narrow_registers_give_the_same(workbench: Workbench, tmp_path: Path) -> None:
    """What is written for 512 bits falls back to what a machine without them has."""
    for name in ("product_ipj", "scaled", "vector"):
        for kind in (RegisterBlock, VectorStream, VectorSum):
            for changed in proposals(kind(), PROGRAMS[name])[:1]:
                wanted = workbench.run(PROGRAMS[name], QUESTIONS, _CONTRACT)
                for narrow in ("-mno-avx512f", "-mno-avx"):
                    assert same(workbench.run(changed, QUESTIONS, (*_CONTRACT, narrow)), wanted, exact=False)
