"""Operators for configurations: pure, valid, new, and of any use."""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks
from agents.offline.coder import load_operators
from evaluators.accelerators.arch.operators import LANGUAGE, ArchFill, ArchTrade
from evaluators.accelerators.arch.schema import read_config, write_config
from evaluators.accelerators.arch.scoring import check_capacity
from evaluators.accelerators.arch.technology import fastest_mhz
from nightforge.domain.team import Operator, OperatorContext, Program
from nightforge.domain.words import OperatorKind

SEED = (Path(next(iter(tasks.__path__))) / "gemm-edp" / "seed.json").read_text(encoding="utf-8")
OTHER = SEED.replace('"pe_rows": 8', '"pe_rows": 16').replace('"l2_kib": 64', '"l2_kib": 128').replace('"mnk"', '"nkm"')
THIRD = SEED.replace('"clock_mhz": 400', '"clock_mhz": 900').replace('"tile_k": 64', '"tile_k": 96')
LOADED = [one for one in load_operators() if one.languages == frozenset({LANGUAGE})]
OURS = [one for one in LOADED if one.kind is not OperatorKind.REPAIR]


def asked(source: str = SEED, *, seed: int = 1, partners: tuple[str, ...] = (OTHER, THIRD)) -> OperatorContext:
    programs = tuple(Program(ordinal=at, source=text, score=-1.0) for at, text in enumerate(partners, 1))
    return OperatorContext(
        language=LANGUAGE, parent=Program(ordinal=0, source=source), partners=programs, history=programs, seed=seed
    )


def test_they_are_registered() -> None:
    assert {operator.name for operator in LOADED} >= {
        "repair.arch",
        "rewrite.arch-field",
        "rewrite.arch-trade",
        "rewrite.arch-tile",
        "rewrite.arch-fit",
        "rewrite.arch-fill",
        "rewrite.arch-loops",
        "rewrite.arch-mappings",
        "tune.arch-jump",
        "tune.arch-difference",
        "crossover.arch",
    }


@pytest.mark.parametrize("operator", OURS, ids=lambda operator: operator.name)
def test_proposals_are_valid_new_and_the_same_again(operator: Operator) -> None:
    drafts = operator.propose(asked())
    assert drafts
    sources = [draft.source for draft in drafts]
    assert len(set(sources)) == len(sources)
    parent = read_config(SEED)
    for draft in drafts:
        config = read_config(draft.source)
        assert config != parent
        assert draft.source == write_config(config)
        assert draft.operator is operator.kind
        assert draft.operator_name == operator.name
        assert draft.note
    assert [draft.source for draft in operator.propose(asked())] == sources


@pytest.mark.parametrize("operator", OURS, ids=lambda operator: operator.name)
def test_hardware_that_no_layer_could_run_on_is_not_proposed(operator: Operator) -> None:
    edge = SEED.replace('"clock_mhz": 400', f'"clock_mhz": {int(fastest_mhz(8))}')
    for draft in operator.propose(asked(edge)):
        assert check_capacity(read_config(draft.source), ()) is None


@pytest.mark.parametrize("operator", OURS, ids=lambda operator: operator.name)
@pytest.mark.parametrize("source", ["", "{}", "not json", SEED.replace("64,", "NaN,"), SEED[:-4]])
def test_what_is_no_configuration_has_no_variants(operator: Operator, source: str) -> None:
    assert operator.propose(asked(source)) == ()


@pytest.mark.parametrize("name", ["tune.arch-jump", "tune.arch-difference", "crossover.arch"])
def test_another_seed_draws_others(name: str) -> None:
    (operator,) = (one for one in OURS if one.name == name)
    one, other = (operator.propose(asked(seed=seed)) for seed in (1, 2))
    assert {draft.source for draft in one} != {draft.source for draft in other}


@pytest.mark.parametrize("name", ["tune.arch-difference", "crossover.arch"])
def test_without_partners_there_is_nothing_to_join(name: str) -> None:
    (operator,) = (one for one in OURS if one.name == name)
    assert operator.propose(asked(partners=())) == ()


def test_filled_tiles_fit_into_the_buffer() -> None:
    parent = read_config(SEED)
    for draft in ArchFill().propose(asked()):
        config = read_config(draft.source)
        (mapping,) = config.mappings
        operands = 2 * (mapping.tile_m * mapping.tile_k + mapping.tile_k * mapping.tile_n)
        assert operands + 4 * mapping.tile_m * mapping.tile_n <= parent.l2_kib * 1024
        old = parent.mappings[0]
        assert (mapping.tile_m, mapping.tile_n, mapping.tile_k) != (old.tile_m, old.tile_n, old.tile_k)


def test_a_trade_moves_two_fields_at_least() -> None:
    parent = dict(read_config(SEED))
    for draft in ArchTrade().propose(asked()):
        child = dict(read_config(draft.source))
        assert sum(child[name] != value for name, value in parent.items()) >= 2
