"""Operators for configurations: neighbours of one, moves that keep something, crossover, and larger steps by chance.

They know the schema of configurations and nothing of tasks: no layer's size, no budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice, permutations, product
from math import log2
from random import Random

from pydantic import ValidationError

from evaluators.accelerators.arch.model import tile_bytes
from evaluators.accelerators.arch.sampling import random_mapping
from evaluators.accelerators.arch.schema import (
    DATAFLOWS,
    LARGEST_TILE,
    MOST_MAPPINGS,
    ORDERS,
    PRECISIONS,
    ArchConfig,
    ConfigError,
    Mapping,
    read_config,
    write_config,
)
from evaluators.accelerators.arch.scoring import check_capacity
from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind

LANGUAGE = "json-arch"
MOST_DRAFTS = 120
MOST_DRAWN = 12
"""Of an operator that draws: it has other ones for the next candidate, and each costs a configuration to build."""
_SIZES = ("pe_rows", "pe_cols", "l1_kib", "l2_kib", "dram_gbps", "clock_mhz")
_LANES = ("pe_rows", "pe_cols")
_BUFFERS = ("l1_kib", "l2_kib")
_TILES = ("tile_m", "tile_n", "tile_k")
_FACTORS = (2, 3, 5, 7)

Found = tuple[ArchConfig, str]


class _ArchOperator:
    """What they share: read the parent, keep valid and new configurations, name what was done."""

    name: str
    kind = OperatorKind.REWRITE
    languages = frozenset({LANGUAGE})
    prior = 0.3
    structural = False
    most = MOST_DRAFTS

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        try:
            parent = read_config(context.parent.source)
        except ConfigError:
            return ()
        known = {write_config(parent)}
        drafts: list[Draft] = []
        # Nobody knows which neighbour is best: an order of its own for each parent tries all sorts over a campaign.
        found = list(self.variants(parent, context))
        Random(f"{self.name}/{context.seed}/{context.parent.source}").shuffle(found)
        for config, note in found:
            text = write_config(config)
            # Hardware that could not work for any layer needs no evaluation to be found out.
            if text not in known and check_capacity(config, ()) is None:
                known.add(text)
                drafts.append(Draft(source=text, operator=self.kind, operator_name=self.name, note=note))
                if len(drafts) == self.most:
                    break
        return tuple(drafts)

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterable[Found]:
        raise NotImplementedError


def changed(config: ArchConfig, fields: dict[str, object]) -> ArchConfig | None:
    """The configuration with other values of some fields; None when that is none."""
    try:
        return ArchConfig.model_validate({**dict(config), **fields})
    except ValidationError:
        return None


def with_mapping(config: ArchConfig, at: int, fields: dict[str, object]) -> ArchConfig | None:
    """The configuration with other values of some fields of one mapping."""
    try:
        mapping = Mapping.model_validate({**dict(config.mappings[at]), **fields})
    except ValidationError:
        return None
    return changed(config, {"mappings": (*config.mappings[:at], mapping, *config.mappings[at + 1 :])})


def _scaled(value: float, factor: float, *, is_whole: bool) -> float:
    return max(1, round(value * factor)) if is_whole else round(max(0.1, value * factor), 3)


class ArchField(_ArchOperator):
    """One number or word of the hardware moved to a neighbour: sizes by a step, then by a factor."""

    name = "rewrite.arch-field"
    prior = 0.5

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        for factor, field in product((1.06, 1 / 1.06, 1.25, 0.8, 2.0, 0.5), _SIZES):
            value = getattr(parent, field)
            if field in _BUFFERS and factor not in (2.0, 0.5):
                continue
            moved = _scaled(value, factor, is_whole=field != "dram_gbps")
            if moved == value and field in _LANES:
                moved = value + (1 if factor > 1 else -1)
            config = changed(parent, {field: moved})
            if config is not None:
                yield config, f"{field} {value:g} -> {moved:g}"
        for precision in PRECISIONS:
            config = changed(parent, {"precision": precision})
            if config is not None:
                yield config, f"precision {parent.precision} -> {precision}"


class ArchTrade(_ArchOperator):
    """Fields scaled together, so that something stays as it is: the array's area, its shape, or the memory's."""

    name = "rewrite.arch-trade"
    prior = 0.35

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        for factor in (2.0, 0.5, 1.5, 2 / 3, 1.25, 0.8, 1.1, 1 / 1.1):
            for fields in (
                {"pe_rows": factor, "pe_cols": 1 / factor},
                {"pe_rows": factor, "pe_cols": factor},
                {"pe_rows": factor, "clock_mhz": 1 / factor},
                {"pe_cols": factor, "clock_mhz": 1 / factor},
                {"pe_rows": factor, "l2_kib": 0.5 if factor > 1 else 2.0},
                {"pe_cols": factor, "l2_kib": 0.5 if factor > 1 else 2.0},
                {"pe_rows": factor, "pe_cols": factor, "l2_kib": 0.5 if factor > 1 else 2.0},
            ):
                moved = {name: _scaled(getattr(parent, name), by, is_whole=True) for name, by in fields.items()}
                config = changed(parent, dict(moved))
                if config is not None:
                    told = ", ".join(f"{name} {getattr(parent, name)} -> {value:g}" for name, value in moved.items())
                    yield config, f"together: {told}"
        for first, second in (("l1_kib", "l2_kib"), ("l2_kib", "l1_kib")):
            sizes: dict[str, object] = {first: getattr(parent, first) * 2, second: getattr(parent, second) // 2}
            config = changed(parent, sizes)
            if config is not None:
                yield config, f"together: {first} twice, {second} half"


class ArchTile(_ArchOperator):
    """Tile factorisation: a prime factor moves from one dimension's tile to another's, or comes, or goes."""

    name = "rewrite.arch-tile"
    prior = 0.25

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        for factor, at in product(_FACTORS, range(len(parent.mappings))):
            mapping = parent.mappings[at]
            for source, target in product((None, *_TILES), repeat=2):
                if source == target:
                    continue
                fields: dict[str, object] = {}
                if source is not None:
                    fields[source] = max(1, getattr(mapping, source) // factor)
                if target is not None:
                    fields[target] = getattr(mapping, target) * factor
                config = with_mapping(parent, at, fields)
                if config is not None:
                    told = f"{factor} from {source or 'outside'} to {target or 'outside'}"
                    yield config, f"mapping {at}: a factor of {told}"


class ArchFit(_ArchOperator):
    """A tile made a whole number of passes over the array's lanes, up or down: no lane idles at its edge."""

    name = "rewrite.arch-fit"
    prior = 0.5

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        for at in range(len(parent.mappings)):
            for more in (0, 1):
                fields = _whole_passes(parent, at, more)
                for chosen in ({**fields}, *({name: value} for name, value in fields.items())):
                    config = with_mapping(parent, at, chosen)
                    if config is not None:
                        told = ", ".join(f"{name} {value}" for name, value in chosen.items())
                        yield config, f"mapping {at}: whole passes, {told}"


def _whole_passes(config: ArchConfig, at: int, more: int) -> dict[str, object]:
    """The tiles along the array, rounded down to its lanes, or up (`more` = 1)."""
    mapping = config.mappings[at]
    lanes = {
        "os": {"tile_m": config.pe_rows, "tile_n": config.pe_cols},
        "ws": {"tile_k": config.pe_rows, "tile_n": config.pe_cols},
        "is": {"tile_k": config.pe_rows, "tile_m": config.pe_cols},
    }[mapping.dataflow]
    return {tile: max(1, getattr(mapping, tile) // lane + more) * lane for tile, lane in lanes.items()}


class ArchFill(_ArchOperator):
    """One or two tiles as large as the global buffer holds beside the others, in whole passes over the lanes."""

    name = "rewrite.arch-fill"
    prior = 0.45

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        for at, mapping in enumerate(parent.mappings):
            for count in (1, 2):
                for grown in combinations(_TILES, count):
                    yield from self._filled(parent, at, mapping, grown)

    def _filled(self, parent: ArchConfig, at: int, mapping: Mapping, grown: Sequence[str]) -> Iterator[Found]:
        best: dict[str, int] = {}
        for factor in (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64):
            tiles = {tile: getattr(mapping, tile) * (factor if tile in grown else 1) for tile in _TILES}
            if tile_bytes(None, parent, mapping.model_copy(update=tiles)) <= parent.l2_kib * 1024:
                best = tiles
        config = with_mapping(parent, at, dict(best)) if best else None
        if config is not None:
            yield config, f"mapping {at}: {' and '.join(grown)} until the buffer is full"


class ArchLoops(_ArchOperator):
    """What stays in the array, and the order of the loops over tiles."""

    name = "rewrite.arch-loops"
    prior = 0.25

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        for at, mapping in enumerate(parent.mappings):
            words: list[dict[str, object]] = [{"order": order} for order in ORDERS if order != mapping.order]
            words += [{"dataflow": dataflow} for dataflow in DATAFLOWS if dataflow != mapping.dataflow]
            for fields in words:
                config = with_mapping(parent, at, fields)
                if config is not None:
                    told = ", ".join(f"{name} {value}" for name, value in fields.items())
                    yield config, f"mapping {at}: {told}"
        for dataflow in DATAFLOWS:
            mappings = tuple(one.model_copy(update={"dataflow": dataflow}) for one in parent.mappings)
            config = changed(parent, {"mappings": mappings})
            if config is not None:
                yield config, f"all mappings: dataflow {dataflow}"


class ArchMappings(_ArchOperator):
    """A mapping added, as a variation of one that is there, or taken away."""

    name = "rewrite.arch-mappings"
    prior = 0.3

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        mappings = parent.mappings
        if len(mappings) < MOST_MAPPINGS:
            for (at, mapping), factor, tile in product(enumerate(mappings), (2.0, 0.5, 4.0, 0.25), _TILES):
                fields = {tile: _scaled(getattr(mapping, tile), factor, is_whole=True)}
                config = with_mapping(parent, at, dict(fields))
                if config is not None:
                    more = changed(parent, {"mappings": (*mappings, config.mappings[at])})
                    if more is not None:
                        yield more, f"mapping {at} also with {tile} x {factor:g}"
        if len(mappings) > 1:
            for at in range(len(mappings)):
                config = changed(parent, {"mappings": (*mappings[:at], *mappings[at + 1 :])})
                if config is not None:
                    yield config, f"without mapping {at}"


class ArchJump(_ArchOperator):
    """Several fields at once by chance: the way out of a place where every neighbour is worse."""

    name = "tune.arch-jump"
    kind = OperatorKind.TUNE
    prior = 0.3
    most = MOST_DRAWN

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        random = Random(f"{context.seed}/{context.parent.source}")
        return islice(filter(None, (self._jump(parent, random) for _ in range(8 * self.most))), 2 * self.most)

    def _jump(self, parent: ArchConfig, random: Random) -> Found | None:
        fields: dict[str, object] = {}
        for field in random.sample(_SIZES, k=random.randint(0, 3)):
            value = getattr(parent, field)
            if field in _BUFFERS:
                fields[field] = max(1, value * 2 // random.choice((1, 4)))
            else:
                factor = 2 ** random.uniform(-0.7, 0.7)
                fields[field] = _scaled(value, factor, is_whole=field != "dram_gbps")
        mappings = list(parent.mappings)
        for at in random.sample(range(len(mappings)), k=random.randint(0 if fields else 1, len(mappings))):
            mappings[at] = _jumped(mappings[at], random)
        config = changed(parent, {**fields, "mappings": tuple(mappings)})
        return None if config is None else (config, f"by chance: {', '.join(fields) or 'mappings'}")


def _jumped(mapping: Mapping, random: Random) -> Mapping:
    if random.random() < 0.1:
        return random_mapping(random)
    tiles = {tile: max(1, round(getattr(mapping, tile) * 2 ** random.uniform(-1.5, 1.5))) for tile in _TILES}
    kept = {tile: value for tile, value in tiles.items() if random.random() < 0.6 and value <= LARGEST_TILE}
    order = random.choice(ORDERS) if random.random() < 0.3 else mapping.order
    return mapping.model_copy(update={**kept, "order": order})


class ArchDifference(_ArchOperator):
    """Differential evolution (Storn and Price 1997) on logarithms: a step taken from two programs, or from one to this.

    What led from a partner to the parent is gone on with; what tells two partners apart is laid on the parent.
    """

    name = "tune.arch-difference"
    kind = OperatorKind.TUNE
    prior = 0.5
    most = MOST_DRAWN

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        return islice(self._steps(parent, context), 2 * self.most)

    def _steps(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        random = Random(f"{context.seed}/{context.parent.source}")
        others = []
        for partner in context.partners:
            try:
                others.append((partner.ordinal, read_config(partner.source)))
            except ConfigError:
                continue
        onwards = [(weight, None, other) for other, weight in product(others, (0.5, 1.0, 1.5))]
        between = [(random.uniform(0.4, 1.0), to, since) for to, since in permutations(others, 2)]
        pairs = [*onwards, *between]
        for weight, to, (since, start) in random.sample(pairs, len(pairs)):
            config = _stepped(parent, to[1] if to else parent, start, weight, random)
            if config is not None:
                yield config, f"{weight:.2g} times the step from candidate {since} to {to[0] if to else 'this'}"


def _stepped(
    parent: ArchConfig, target: ArchConfig, start: ArchConfig, weight: float, random: Random
) -> ArchConfig | None:
    """`parent` times (`target` / `start`) ^ `weight`, number by number; each number takes part by chance."""

    def step(field: str, of: ArchConfig | Mapping, to: ArchConfig | Mapping, since: ArchConfig | Mapping) -> float:
        value, ratio = getattr(of, field), getattr(to, field) / getattr(since, field)
        if random.random() < 0.25 or ratio == 1.0:
            return float(value)
        return float(value * ratio**weight)

    fields: dict[str, object] = {}
    for field in _SIZES:
        stepped = step(field, parent, target, start)
        if field in _BUFFERS:
            fields[field] = 2 ** max(0, round(log2(stepped)))
        else:
            fields[field] = _scaled(stepped, 1.0, is_whole=field != "dram_gbps")
    mappings = []
    for at, mapping in enumerate(parent.mappings):
        to, since = (one.mappings[min(at, len(one.mappings) - 1)] for one in (target, start))
        tiles = {tile: min(max(1, round(step(tile, mapping, to, since))), LARGEST_TILE) for tile in _TILES}
        mappings.append(mapping.model_copy(update=tiles))
    return changed(parent, {**fields, "mappings": tuple(mappings)})


class ArchCrossover(_ArchOperator):
    """Hardware of one with mappings of another, one mapping of another, or each field of either by chance."""

    name = "crossover.arch"
    kind = OperatorKind.CROSSOVER
    prior = 0.4
    most = MOST_DRAWN

    def variants(self, parent: ArchConfig, context: OperatorContext) -> Iterator[Found]:
        random = Random(f"{context.seed}/{context.parent.source}")
        for partner in context.partners:
            try:
                other = read_config(partner.source)
            except ConfigError:
                continue
            yield from _crossed(parent, other, partner.ordinal, random)


def _crossed(parent: ArchConfig, other: ArchConfig, ordinal: int, random: Random) -> Iterator[Found]:
    hardware = changed(parent, {"mappings": other.mappings})
    if hardware is not None:
        yield hardware, f"mappings of candidate {ordinal}"
    both = tuple(dict.fromkeys((*parent.mappings, *other.mappings)))[:MOST_MAPPINGS]
    joined = changed(parent, {"mappings": both})
    if joined is not None:
        yield joined, f"mappings of candidate {ordinal} beside its own"
    for mapping in other.mappings:
        at = random.randrange(len(parent.mappings))
        config = with_mapping(parent, at, dict(mapping))
        if config is not None:
            yield config, f"mapping {at} from candidate {ordinal}"
    for _ in range(6):
        taken = [field for field in (*_SIZES, "mappings") if random.random() < 0.5]
        mixed = changed(parent, {field: getattr(other, field) for field in taken})
        if mixed is not None:
            yield mixed, f"{', '.join(taken) or 'nothing'} of candidate {ordinal}"
