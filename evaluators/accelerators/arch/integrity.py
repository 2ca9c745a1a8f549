"""Can a configuration task's verdict be believed? Broken contracts and impostors through the candidates' own stages.

Every valid configuration is an honest design, however bad. What must not pass is one that leaves the contract: a number
out of its range or of another type, a field too many or too few, hardware beyond the task's budget, a mapping for show.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from typing import TypeAlias

from evaluators.accelerators.arch.sampling import REFERENCES, reference_config
from evaluators.accelerators.arch.schema import MOST_MAPPINGS, PRECISIONS, ConfigError, read_config, write_config
from evaluators.accelerators.arch.scoring import economical
from evaluators.accelerators.arch.spec import ArchSettings, layers_of
from evaluators.integrity.seams import Change, Honest, Impostor
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.integrity import Finding
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Document: TypeAlias = Mapping[str, Json]
Judge: TypeAlias = Callable[[str], Sequence[StageEvidence]]
"""The stages of a search, on one candidate; the last one says what became of it."""


class ArchChecker:
    """Implements `evaluators.integrity.seams.Checker`. Nothing here is drawn, so that a second look is the first."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    async def tools(self) -> Mapping[str, str]:
        return {"pydantic": version("pydantic")}

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        """What is no JSON at all has shown nothing: it counts as never built."""
        began = time.perf_counter()
        build = _digest(source)
        if build in known:
            return Finding(built=True, accepted=False, stage="parse", build=build)
        last = self._judge(source)[-1]
        return Finding(
            built=last.reason != "not_json",
            accepted=last.outcome is Outcome.PASS,
            stage=last.stage,
            reason=last.reason,
            feedback=last.feedback if last.outcome is not Outcome.PASS else "",
            build=build,
            seconds=time.perf_counter() - began,
        )

    async def recheck(self, source: str, *, seed: int) -> Finding:
        return await self.check(source)

    async def prove_equal(self, one: str, other: str) -> str:
        same = _digest(one) and _digest(one) == _digest(other)
        return "both are read as one configuration" if same else ""


def _digest(source: str) -> str:
    """Of what the text is read as; empty for what is no configuration."""
    try:
        return sha256(write_config(read_config(source)).encode()).hexdigest()
    except ConfigError:
        return ""


def honest_configs(task: Task, settings: ArchSettings) -> Sequence[Honest]:
    """The seed, and the arrays of published sizes, where the task's budget has room for them."""
    layers = layers_of(settings.layers, "settings")
    found = [Honest(task.seed, task.read(task.seed))]
    for name in REFERENCES:
        config = reference_config(name, layers, precision=settings.precision, dram_gbps=settings.dram_gbps)
        kept = economical(config, layers) if config is not None else None
        if kept is not None:
            found.append(Honest(name, write_config(kept), is_derived=True))
    return found


def break_contract(source: str) -> Iterator[Change]:
    """Every change of the list, field by field; none of them leaves a valid configuration."""
    document: Document = json.loads(source)
    for name, value in document.items():
        if name != "mappings":
            for operator, wrong in _wrong_values(value):
                yield _change(operator, name, value, {**document, name: wrong})
        yield _change("missing", name, value, {other: kept for other, kept in document.items() if other != name})
    yield _change("unknown", "energy_uj", "", {**document, "energy_uj": 0.0})
    mappings = _mappings_of(document)
    for at, mapping in enumerate(mappings):
        for operator, field, broken in _broken_mappings(mapping):
            changed = [*mappings[:at], broken, *mappings[at + 1 :]]
            yield _change(
                operator, f"mappings[{at}].{field}", mapping.get(field, ""), {**document, "mappings": changed}
            )
    others: Sequence[tuple[str, Json]] = (("type", mappings[0]), ("type", None), ("range", []))
    for operator, wrong in others:
        yield _change(operator, "mappings", len(mappings), {**document, "mappings": wrong})
    yield _change("twice", "mappings", len(mappings), {**document, "mappings": [*mappings, mappings[0]]})
    many = [mappings[0]] * (MOST_MAPPINGS + 1)
    yield _change("range", "mappings", len(mappings), {**document, "mappings": many})


def _mappings_of(document: Document) -> Sequence[Document]:
    mappings = document["mappings"]
    assert isinstance(mappings, list)
    return mappings


def _broken_mappings(mapping: Document) -> Iterator[tuple[str, str, Document]]:
    for field, value in mapping.items():
        for operator, wrong in _wrong_values(value):
            yield operator, field, {**mapping, field: wrong}
        yield "missing", field, {other: kept for other, kept in mapping.items() if other != field}
    yield "unknown", "cycles", {**mapping, "cycles": 1}


def _wrong_values(value: Json) -> Iterator[tuple[str, Json]]:
    """Values that no field of that kind may have."""
    yield from (("type", None), ("type", True), ("type", [value]))
    if isinstance(value, str):
        yield from (("type", 0), ("word", ""), ("word", value.upper()), ("word", value + value))
    elif isinstance(value, (int, float)):
        yield from (("type", str(value)), ("range", 0), ("range", -value), ("range", 10**9), ("range", 1e300))
        if isinstance(value, int):
            yield "type", value + 0.5


def _change(operator: str, field: str, before: Json, document: Document) -> Change:
    return Change(
        operator, 1, f"{field} {json.dumps(before)}", json.dumps(document)[:200], json.dumps(document, indent=1)
    )


def arch_impostors(task: Task, settings: ArchSettings) -> Sequence[Impostor]:
    """What would win if a budget or a rule were not held."""
    seed: Document = json.loads(task.read(task.seed))
    mappings = _mappings_of(seed)
    largest: Document = {"pe_rows": 128, "pe_cols": 128, "l1_kib": 1024, "l2_kib": 16_384}
    idle: Document = {**mappings[0], "tile_m": 1, "tile_n": 1, "tile_k": 1}
    found: list[tuple[str, str, Document]] = [
        ("over-area", "the largest array and buffers that the schema knows", {**seed, **largest}),
        ("free-dram", "more bandwidth than the board has", {**seed, "dram_gbps": min(1024.0, 2 * settings.dram_gbps)}),
        ("own-score", "names its own energy", {**seed, "energy_uj": 0.0}),
        ("no-array", "no processing element", {**seed, "pe_rows": 0}),
        ("too-fast", "a clock beyond what the units' delay allows", {**seed, "clock_mhz": 2000}),
        ("for-show", "a mapping that no layer runs with", {**seed, "mappings": [*mappings, idle]}),
    ]
    fewer = [bits for bits in PRECISIONS if bits < settings.precision]
    if fewer:
        found.append(("low-precision", "fewer bits than the networks need", {**seed, "precision": fewer[-1]}))
    return [Impostor(name, title, json.dumps(document)) for name, title, document in found]
