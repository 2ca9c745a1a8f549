"""Cheat 26 and its kin: configurations that would win by being none. Honest controls beside them are accepted."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks
from evaluators.accelerators.arch.evaluator import ArchEvaluator
from evaluators.accelerators.arch.schema import LARGEST_BYTES
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence
from nightforge.domain.words import Phase
from sandbox import open_sandbox

TASK = load_task(Path(next(iter(tasks.__path__))) / "gemm-edp")
EVALUATOR = ArchEvaluator(open_sandbox())
SEED: dict[str, Any] = json.loads(TASK.read(TASK.seed))


def evaluate(source: str) -> Evidence:
    return asyncio.run(EVALUATOR.evaluate(source, TASK, {}, seed=1, phase=Phase.SEARCH))


def seed_with(**fields: Any) -> str:
    return json.dumps({**SEED, **fields})


def mapped(**fields: Any) -> str:
    return json.dumps({**SEED, "mappings": [{**SEED["mappings"][0], **fields}]})


TEXT = json.dumps(SEED)
BAD = "bad_config"
HOSTILE: dict[str, tuple[str, str]] = {
    "NaN rows": (TEXT.replace('"pe_rows": 8', '"pe_rows": NaN'), "not_json"),
    "NaN bandwidth": (TEXT.replace("6.4", "NaN"), "not_json"),
    "infinite bandwidth": (TEXT.replace("6.4", "Infinity"), "not_json"),
    "minus infinity": (TEXT.replace("6.4", "-Infinity"), "not_json"),
    "overflow to infinity": (TEXT.replace("6.4", "1e999"), BAD),
    "smallest number": (TEXT.replace("6.4", "5e-324"), BAD),
    "negative zero": (TEXT.replace("6.4", "-0.0"), BAD),
    "negative bandwidth": (seed_with(dram_gbps=-6.4), BAD),
    "free DRAM": (seed_with(dram_gbps=1000.0), "bandwidth_over_budget"),
    "bandwidth in bytes per second": (seed_with(dram_gbps=6.4e9), BAD),
    "clock in hertz": (seed_with(clock_mhz=400_000_000), BAD),
    "clock that no unit reaches": (seed_with(clock_mhz=1999), "clock_too_fast"),
    "clock of nothing": (seed_with(clock_mhz=0), BAD),
    "buffer in bytes": (seed_with(l2_kib=65536), BAD),
    "no global buffer": (seed_with(l2_kib=0), BAD),
    "no operand buffer": (seed_with(l1_kib=0), BAD),
    "negative buffer": (seed_with(l2_kib=-64), BAD),
    "buffer of no power of two": (seed_with(l2_kib=65), BAD),
    "a fraction of a buffer": (seed_with(l2_kib=0.001), BAD),
    "operand buffer below its lanes": (seed_with(pe_rows=127, pe_cols=127, l1_kib=1), "buffer_too_small"),
    "1e9 elements": (seed_with(pe_rows=10**9), BAD),
    "no elements": (seed_with(pe_rows=0), BAD),
    "negative elements": (seed_with(pe_rows=-8, pe_cols=-8), BAD),
    "half an element": (seed_with(pe_rows=0.5), BAD),
    "elements as a float": (seed_with(pe_rows=8.0), BAD),
    "elements as text": (seed_with(pe_rows="8"), BAD),
    "elements as truth": (seed_with(pe_rows=True), BAD),
    "elements as a list": (seed_with(pe_rows=[8]), BAD),
    "elements as null": (seed_with(pe_rows=None), BAD),
    "more area than there is": (seed_with(pe_rows=128, pe_cols=128, l1_kib=16), "area_over_budget"),
    "more memory than there is": (seed_with(l2_kib=16384), "area_over_budget"),
    "an integer of 5,000 digits": (TEXT.replace('"pe_rows": 8', f'"pe_rows": {"9" * 5000}'), "not_json"),
    "an integer of 4,000 digits": (TEXT.replace('"pe_rows": 8', f'"pe_rows": {"9" * 4000}'), BAD),
    "an exponent of 5,000 digits": (TEXT.replace("6.4", f"1e{'9' * 5000}"), BAD),
    "precision 4": (seed_with(precision=4), "precision_too_low"),
    "precision 1": (seed_with(precision=1), BAD),
    "precision 0": (seed_with(precision=0), BAD),
    "precision 8.0": (seed_with(precision=8.0), BAD),
    "rows given twice": (TEXT.replace('"pe_rows": 8', '"pe_rows": 8, "pe_rows": 1'), "duplicate_key"),
    "a tile given twice": (TEXT.replace('"tile_m": 64', '"tile_m": 64, "tile_m": 1'), "duplicate_key"),
    "a key given twice by escapes": (TEXT.replace('"pe_rows": 8', '"pe_rows": 8, "pe\\u005frows": 1'), "duplicate_key"),
    "its own score": (seed_with(edp_uj_us=1e-9), BAD),
    "its own energy table": (seed_with(energy={"dram": 0}), BAD),
    "its own layers": (seed_with(layers=["gemm/128"]), BAD),
    "a mapping's own cycles": (mapped(cycles=1), BAD),
    "another case of a name": (TEXT.replace('"pe_rows"', '"PE_ROWS"'), BAD),
    "a look-alike name": (TEXT.replace('"pe_rows"', '"pe_r\\u043ews"'), BAD),
    "no mapping": (seed_with(mappings=[]), BAD),
    "mappings as one object": (seed_with(mappings=SEED["mappings"][0]), BAD),
    "seven mappings": (seed_with(mappings=SEED["mappings"] * 7), BAD),
    "a tile of nothing": (mapped(tile_m=0), BAD),
    "a negative tile": (mapped(tile_k=-1), BAD),
    "a huge tile": (mapped(tile_k=10**30), BAD),
    "tiles that no buffer holds": (seed_with(l2_kib=4), "tiles_do_not_fit"),
    "an unknown dataflow": (mapped(dataflow="free"), BAD),
    "a list as dataflow": (mapped(dataflow=["os"]), BAD),
    "an order without a loop": (mapped(order="mn"), BAD),
    "an order with a loop twice": (mapped(order="mmk"), BAD),
    "an empty text": ("", "not_json"),
    "blanks": (" \n\t", "not_json"),
    "null": ("null", BAD),
    "a number": ("8", BAD),
    "a list": (f"[{TEXT}]", BAD),
    "two objects": (TEXT + TEXT, "not_json"),
    "text after it": (TEXT + " // free", "not_json"),
    "a comment": ("/* */" + TEXT, "not_json"),
    "single quotes": (TEXT.replace('"', "'"), "not_json"),
    "a byte order mark": ("\ufeff" + TEXT, "not_json"),
    "a NUL": (TEXT.replace("{", "{\x00", 1), "not_json"),
    "half of a UTF-16 pair": (TEXT.replace('"os"', '"\\ud800"'), BAD),
    "nested 100 times": ("[" * 100 + "]" * 100, BAD),
    "nested 8,000 times": ("[" * 8000 + "]" * 8000, "not_json"),
    "too long": (TEXT + " " * LARGEST_BYTES, "too_long"),
    "code": ("__import__('os').system('true')", "not_json"),
    "a prototype": (TEXT.replace("{", '{"__proto__": {"l2_kib": 0}, ', 1), BAD),
    "a private field": (TEXT.replace("{", '{"model_config": {"extra": "allow"}, ', 1), BAD),
}

HONEST: dict[str, str] = {
    "the seed": TASK.read(TASK.seed),
    "in one line": TEXT,
    "fields in another order": json.dumps(dict(reversed(SEED.items()))),
    "a whole number of GB/s": seed_with(dram_gbps=6),
    "16 bits": seed_with(precision=16, clock_mhz=300),
    "one element": seed_with(pe_rows=1, pe_cols=1),
    "weights stay": mapped(dataflow="ws"),
    "an odd tile": mapped(tile_m=37, tile_n=13, tile_k=29),
    "the largest bandwidth": seed_with(dram_gbps=12.8),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_cheat_is_rejected_with_its_reason(name: str) -> None:
    source, reason = HOSTILE[name]
    evidence = evaluate(source)
    failure = evidence.failure
    assert failure is not None
    assert failure.reason == reason, failure
    assert failure.feedback
    assert len(failure.feedback) <= 4000
    assert not evidence.metrics


def test_what_is_wrong_within_a_list_is_told_and_not_that_the_rest_of_it_is_short() -> None:
    failure = evaluate(mapped(tile_m=0, order="mn")).failure
    assert failure is not None
    told = [line.split(":")[0] for line in failure.feedback.splitlines()]
    assert told == ["mappings.0.tile_m", "mappings.0.order"]
    short = evaluate(seed_with(mappings=[])).failure
    assert short is not None
    assert short.feedback.startswith("mappings: ")


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_control_is_accepted(name: str) -> None:
    evidence = evaluate(HONEST[name])
    assert evidence.passed, evidence.failure


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_evaluator(text: str) -> None:
    assert not evaluate(text).passed


numbers = st.one_of(
    st.integers(-(10**40), 10**40), st.floats(), st.booleans(), st.none(), st.text(max_size=5), st.integers(1, 128)
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([*SEED, "tile_m", "tile_n", "tile_k", "dataflow", "order"]), numbers)
def test_no_value_beats_the_roofline(field: str, value: object) -> None:
    changed = {**SEED, field: value} if field in SEED else {**SEED, "mappings": [{**SEED["mappings"][0], field: value}]}
    evidence = evaluate(json.dumps(changed))
    if evidence.passed:
        metrics = evidence.metrics
        assert 0 < metrics["roofline_pct"].value <= 100
        assert metrics["area_mm2"].value <= 2.0
    else:
        assert evidence.failure is not None
        assert evidence.failure.reason != "beyond_bound"
