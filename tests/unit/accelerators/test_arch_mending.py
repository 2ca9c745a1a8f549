"""What a refusal says is enough to put a configuration right: the mended one passes the stage that refused it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.accelerators.arch.mending import ArchMend
from evaluators.accelerators.arch.model import tile_bytes
from evaluators.accelerators.arch.operators import LANGUAGE
from evaluators.accelerators.arch.schema import ArchConfig, Mapping, read_config, write_config
from evaluators.accelerators.arch.scoring import Refusal, check_budget, check_capacity, check_economy, run_layers
from evaluators.accelerators.arch.spec import layers_of, read_settings
from evaluators.accelerators.arch.workloads import gemm
from nightforge.catalogue import find_task
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.team import OperatorContext, Program
from nightforge.domain.words import Outcome

GEMM = find_task("gemm-edp")
SEED = read_config(GEMM.read(GEMM.seed))
LAYERS = layers_of(read_settings(GEMM).layers, "")
sizes = st.integers(1, 128)


def mended(config: ArchConfig, refusal: Refusal | None) -> ArchConfig | None:
    assert refusal is not None
    failure = StageEvidence(stage="budget", outcome=Outcome.FAIL, reason=refusal.reason, feedback=refusal.feedback)
    drafts = ArchMend().mend(write_config(config), failure)
    return read_config(drafts[0].source) if drafts else None


def budget(config: ArchConfig) -> Refusal | None:
    return check_budget(config, largest_mm2=2.0, dram_gbps=12.8, precision=8)


@given(rows=sizes, cols=sizes, l1=st.integers(0, 10), l2=st.integers(2, 9))
def test_an_array_that_is_too_large_gets_narrower_and_keeps_its_buffers(rows: int, cols: int, l1: int, l2: int) -> None:
    config = SEED.model_copy(update={"pe_rows": rows, "pe_cols": cols, "l1_kib": 2**l1, "l2_kib": 2**l2})
    refusal = budget(config)
    if refusal is None:
        return
    found = mended(config, refusal)
    if found is None:  # buffers alone are too large
        assert budget(config.model_copy(update={"pe_rows": 1, "pe_cols": 1})) is not None
        return
    assert budget(found) is None
    assert (found.l1_kib, found.l2_kib) == (config.l1_kib, config.l2_kib)
    more = found.model_copy(update={"pe_cols": found.pe_cols + 1, "pe_rows": found.pe_rows + 1})
    assert budget(more) is not None, "no narrower than it must be"


def test_bandwidth_and_bits_become_what_is_asked_for() -> None:
    fast = mended(SEED.model_copy(update={"dram_gbps": 99.0}), budget(SEED.model_copy(update={"dram_gbps": 99.0})))
    assert fast is not None
    assert fast.dram_gbps == 12.8
    coarse = SEED.model_copy(update={"precision": 4})
    found = mended(coarse, budget(coarse))
    assert found is not None
    assert found.precision == 8


def test_what_nothing_runs_with_goes_and_the_rest_costs_the_same() -> None:
    useless = SEED.mappings[0].model_copy(update={"tile_m": 1, "tile_n": 1, "tile_k": 1})
    config = SEED.model_copy(update={"mappings": (useless, SEED.mappings[0], SEED.mappings[0])})
    run = run_layers(config, LAYERS)
    assert run is not None
    found = mended(config, check_economy(run))
    assert found is not None
    assert found.mappings == (SEED.mappings[0],)
    again = run_layers(found, LAYERS)
    assert again is not None
    assert again.totals == run.totals
    assert check_economy(again) is None


@given(tiles=st.tuples(*[st.integers(1, 20_000)] * 3))
def test_tiles_that_do_not_fit_are_halved_until_they_do(tiles: tuple[int, int, int]) -> None:
    m, n, k = tiles
    mapping = Mapping(dataflow="os", tile_m=m, tile_n=n, tile_k=k, order="mnk")
    config = SEED.model_copy(update={"mappings": (mapping,)})
    refusal = check_capacity(config, LAYERS)
    if refusal is None or refusal.reason != "tiles_do_not_fit":
        return
    found = mended(config, refusal)
    assert found is not None
    assert tile_bytes(None, found, found.mappings[0]) <= found.l2_kib * 1024
    assert check_capacity(found, LAYERS) is None


def test_tiles_that_fit_by_the_size_of_the_layers_alone_do_not_pass() -> None:
    """Confirmation would find no mapping for a larger layer of the same networks, for all that a search ends with."""
    wide = SEED.mappings[0].model_copy(update={"tile_m": 8, "tile_n": 8, "tile_k": 65_536})
    config = SEED.model_copy(update={"mappings": (wide,)})
    assert run_layers(config, LAYERS) is not None
    refusal = check_capacity(config, LAYERS)
    assert refusal is not None
    assert refusal.feedback.startswith("larger layers: ")
    found = mended(config, refusal)
    assert found is not None
    assert check_capacity(found, LAYERS) is None
    small = SEED.mappings[0].model_copy(update={"tile_m": 8, "tile_n": 8, "tile_k": 8})
    assert check_capacity(config.model_copy(update={"mappings": (wide, small)}), LAYERS) is None


@given(tiles=st.tuples(*[st.integers(1, 512)] * 3), sizes=st.tuples(*[st.integers(1, 10**6)] * 3))
def test_what_passes_has_a_mapping_for_a_layer_of_any_size(
    tiles: tuple[int, int, int], sizes: tuple[int, int, int]
) -> None:
    m, n, k = tiles
    mapping = Mapping(dataflow="os", tile_m=m, tile_n=n, tile_k=k, order="mnk")
    config = SEED.model_copy(update={"mappings": (mapping,)})
    if check_capacity(config, LAYERS) is None:
        assert tile_bytes(gemm("unseen", *sizes), config, mapping) <= config.l2_kib * 1024


@pytest.mark.parametrize(
    ("source", "reason", "feedback"),
    [
        ("no configuration", "area_over_budget", "2.1 mm2, allowed are 2"),
        (write_config(SEED), "held_out_loss", "worse on others"),
        (write_config(SEED), "area_over_budget", "no number"),
        (write_config(SEED), "bandwidth_over_budget", ""),
        (write_config(SEED), "precision_too_low", ""),
        (write_config(SEED), "unused_mapping", "mapping 0: another one"),
    ],
)
def test_where_too_little_is_said_nothing_is_mended(source: str, reason: str, feedback: str) -> None:
    failure = StageEvidence(stage="budget", outcome=Outcome.FAIL, reason=reason, feedback=feedback)
    assert ArchMend().mend(source, failure) == ()


def test_it_proposes_nothing_of_its_own() -> None:
    parent = Program(ordinal=0, source=write_config(SEED))
    assert ArchMend().propose(OperatorContext(language=LANGUAGE, parent=parent, seed=0)) == ()
