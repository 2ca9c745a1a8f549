"""Order of transactions on shared keys, makespan: the candidate gives the whole order.

An instance: transactions, each a row of operations that take one time unit each and run without a pause. A write of a
key must come after all accesses of that key by transactions earlier in the order, a read after all their writes; a
transaction starts at the earliest time that allows this. The rules are those of the transaction problem of the ADRS
benchmarks (its stored simulator gives the same makespans); the sets are generated in three kinds like its workloads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from evaluators.schedulers.answers import integer_rows, read_permutation
from evaluators.schedulers.problem import Cost, Feature, Instance, Split
from nightforge.domain.base import Json

READ, WRITE = 0, 1
Operation = tuple[int, int]
Transaction = list[Operation]
_SETS: dict[Split, tuple[tuple[str, int, int], ...]] = {
    Split.TRAIN: (("zipf", 60, 3), ("payment", 60, 3), ("read-write", 60, 3)),
    Split.VALIDATION: (("zipf", 60, 3), ("payment", 60, 3), ("read-write", 60, 3)),
    Split.HIDDEN: (
        ("zipf", 60, 4),
        ("payment", 60, 4),
        ("read-write", 60, 4),
        ("zipf", 100, 3),
        ("read-write", 100, 3),
        ("zipf-long", 60, 3),
    ),
}
"""Kind, transactions, instances. `zipf-long` is the shifted distribution: transactions of 4 to 28 operations."""


class TransactionOrder:
    name = "txn-order"
    functions = ("order",)
    features: tuple[Feature, ...] = ()
    driver = ""

    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        random = Random(f"{self.name} {split} {seed}")
        return [
            _drawn(random, kind, count, f"{kind}-{count}-{number}")
            for kind, count, repeats in _SETS.get(split, ())
            for number in range(repeats)
        ]

    def bound(self, instance: Instance) -> int:
        """A transaction's length; and for each key its writes, which exclude each other, one time unit for all its
        reads, the least time before its first access and the least time after its last."""
        transactions = read_transactions(instance)
        best = max(len(one) for one in transactions)
        for key in {key for one in transactions for _, key in one}:
            heads, tails, writes, reads = [], [], 0, 0
            for one in transactions:
                for place, (kind, other) in enumerate(one):
                    if other == key:
                        heads.append(place)
                        tails.append(len(one) - place - 1)
                        writes += kind == WRITE
                        reads |= kind == READ
            best = max(best, min(heads) + writes + reads + min(tails))
        return best

    def related(self, instance: Instance) -> Mapping[str, tuple[Instance, Cost]]:
        """The same instance under other labels: same optimum; for a rule without labels nearly the same cost."""
        transactions = read_transactions(instance)
        keys = sorted({key for one in transactions for _, key in one})
        other = dict(zip(keys, reversed(keys), strict=True))
        named: list[Json] = [[[kind, other[key]] for kind, key in one] for one in transactions]
        turned: list[Json] = [[list[Json](operation) for operation in one] for one in reversed(transactions)]
        return {
            name: (Instance(f"{instance.name}-{name}", instance.group, {"transactions": rows}), 1)
            for name, rows in (("keys", named), ("numbers", turned))
        }

    def verify(self, instance: Instance, answer: Json) -> int:
        """`answer` is the order: every transaction's number once."""
        transactions = read_transactions(instance)
        return makespan(transactions, read_permutation(answer, len(transactions), "order"))


def makespan(transactions: Sequence[Transaction], order: Sequence[int]) -> int:
    """When the last transaction of the order has ended; times count from 0."""
    written: dict[int, int] = {}
    touched: dict[int, int] = {}
    end = 0
    for number in order:
        one = transactions[number]
        start = 0
        for place, (kind, key) in enumerate(one):
            free = (touched if kind == WRITE else written).get(key, 0) - place
            start = max(start, free)
        for place, (kind, key) in enumerate(one):
            after = start + place + 1
            touched[key] = max(touched.get(key, 0), after)
            if kind == WRITE:
                written[key] = max(written.get(key, 0), after)
        end = max(end, start + len(one))
    return end


def read_transactions(instance: Instance) -> list[Transaction]:
    rows = instance.data["transactions"]
    assert isinstance(rows, list)
    return [[(kind, key) for kind, key in integer_rows(row)] for row in rows]


def _drawn(random: Random, kind: str, count: int, name: str) -> Instance:
    draw = {"zipf": _zipf, "zipf-long": _zipf, "payment": _payment, "read-write": _read_write}[kind]
    rows: list[Json] = []
    for _ in range(count):
        length = random.randint(4, 28) if kind == "zipf-long" else 16
        rows.append([[operation, key] for operation, key in draw(random, length)])
    return Instance(name, f"{kind}-{count}", {"transactions": rows})


def _zipf(random: Random, length: int) -> Transaction:
    """Keys of a Zipf-like popularity in random order, half of the operations writes."""
    keys: list[int] = []
    while len(keys) < length:
        key = int(3000 ** random.random())
        if key not in keys:
            keys.append(key)
    return [(random.randint(READ, WRITE), key) for key in keys]


def _payment(random: Random, length: int) -> Transaction:
    """Half payments, which write a warehouse and a district early; half new orders, which read the one and write the
    other before their items."""
    warehouse, district = random.randint(1, 4), 10 + random.randint(1, 20)
    items = random.sample(range(100, 1100), length)
    if random.random() < 0.5:
        return [(WRITE, warehouse), (WRITE, district), (WRITE, items[0]), (WRITE, items[1])]
    rest = [(random.choice((READ, WRITE)), key) for key in items[: length - 3]]
    return [(READ, warehouse), (READ, items[-1]), (WRITE, district), *rest]


def _read_write(random: Random, length: int) -> Transaction:
    """Popular keys are read early; a few, less popular, are written late."""
    keys: list[int] = []
    while len(keys) < length:
        key = int(4000 ** random.random())
        if key not in keys:
            keys.append(key)
    late = sorted(keys[length - 4 :])
    return [(READ, key) for key in keys[: length - 4]] + [(WRITE, key) for key in late]
