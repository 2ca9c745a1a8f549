"""Circuits of the kinds that benchmark sets are made of, from our own generators.

A circuit is named by kind and whole numbers; the same numbers give the same graph on any machine. Structures are
plain on purpose (ripple carry, chains, tables as sums of products): what a recipe makes of them is the question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from evaluators.accelerators.recipe.aig import FALSE, TRUE, Aig, Builder


class UnknownCircuit(ValueError):
    """No such kind, or numbers that it cannot be made with."""


def adder(bits: int) -> Aig:
    make = Builder()
    one, other = make.word(bits), make.word(bits)
    return make.finish(make.add(one, other))


def maximum(words: int, bits: int) -> Aig:
    """The largest of several words, and its place."""
    make = Builder()
    values = [make.word(bits) for _ in range(words)]
    width = max(1, (words - 1).bit_length())
    best, place = values[0], _constant(0, width)
    for number, value in enumerate(values[1:], 1):
        smaller = make.subtract(best, value)[-1] ^ 1
        best = make.choose(smaller, value, best)
        place = make.choose(smaller, _constant(number, width), place)
    return make.finish([*best, *place])


def priority(bits: int) -> Aig:
    """The place of the highest one, and whether there is one; a chain from the lowest bit up."""
    make = Builder()
    requests = make.word(bits)
    place = _constant(0, (bits - 1).bit_length())
    for number, request in enumerate(requests):
        place = make.choose(request, _constant(number, len(place)), place)
    return make.finish([*place, make.any_of(requests)])


def arbiter(bits: int) -> Aig:
    """Round robin: the first request at or after a pointer is granted."""
    make = Builder()
    requests, pointer = make.word(bits), make.word((bits - 1).bit_length())
    starts = [_equals(make, pointer, number) for number in range(bits)]
    grants = [FALSE] * bits
    for start in range(bits):
        free = starts[start]
        for step in range(bits):
            number = (start + step) % bits
            grants[number] = make.disj(grants[number], make.conj(free, requests[number]))
            free = make.conj(free, requests[number] ^ 1)
    return make.finish(grants)


def voter(bits: int) -> Aig:
    """Whether more than half of the inputs are one; counted with full adders."""
    make = Builder()
    columns: dict[int, list[int]] = {0: make.word(bits)}
    count: list[int] = []
    while len(count) in columns:
        level = len(count)
        column = columns[level]
        while len(column) > 1:
            third = column.pop(2) if len(column) > 2 else FALSE
            bit, carry = make.full_add(column.pop(0), column.pop(0), third)
            column.append(bit)
            columns.setdefault(level + 1, []).append(carry)
        count.append(column[0])
    return make.finish([make.subtract(count, _constant(bits // 2 + 1, len(count)))[-1]])


def shifter(bits: int) -> Aig:
    """Rotates left by a binary amount."""
    make = Builder()
    word, amount = make.word(bits), make.word((bits - 1).bit_length())
    for level, select in enumerate(amount):
        step = (1 << level) % bits
        word = make.choose(select, word[-step:] + word[:-step] if step else word, word)
    return make.finish(word)


def int2float(bits: int, mantissa: int) -> Aig:
    """A signed integer as sign, exponent and truncated mantissa."""
    make = Builder()
    word = make.word(bits)
    sign = word[-1]
    size = make.add([make.xor(bit, sign) for bit in word], _constant(0, bits), sign)[:bits]
    exponent, shifted = _constant(0, bits.bit_length()), [FALSE] * mantissa
    for number, bit in enumerate(size):
        aligned = [size[place] if place >= 0 else FALSE for place in range(number - mantissa, number)]
        shifted = make.choose(bit, aligned, shifted)
        exponent = make.choose(bit, _constant(number + 1, len(exponent)), exponent)
    return make.finish([sign, *exponent, *shifted])


def router(bits: int, ports: int) -> Aig:
    """A mesh router: where two packets want to go, who gets the way when both want the same, and who is refused."""
    make = Builder()
    here = make.word(bits), make.word(bits)
    packets = [(make.word(bits), make.word(bits), make.word(1)[0]) for _ in range(2)]
    credits = make.word(ports)
    wishes = [_route(make, here, (x, y), valid)[:ports] for x, y, valid in packets]
    outputs: list[int] = []
    for first, second, credit in zip(*wishes, credits, strict=True):
        winner = make.conj(first, credit)
        outputs += [winner, make.all_of([second, credit, winner ^ 1])]
    refused = [make.conj(wish, outputs[2 * port + 1] ^ 1) for port, wish in enumerate(wishes[1])]
    return make.finish([*outputs, make.any_of(refused)])


def _route(make: Builder, here: tuple[list[int], list[int]], to: tuple[list[int], list[int]], valid: int) -> list[int]:
    """Local, east, west, north, south: first along x, then along y."""
    (right, same_x), (up, same_y) = (_compare(make, one, other) for one, other in zip(to, here, strict=True))
    turn = make.conj(valid, same_x)
    east, north = make.conj(right, same_x ^ 1), make.conj(up, same_y ^ 1)
    ways = [make.conj(turn, same_y), make.conj(valid, east), make.all_of([valid, right ^ 1, same_x ^ 1])]
    return [*ways, make.conj(turn, north), make.all_of([turn, up ^ 1, same_y ^ 1])]


def _compare(make: Builder, one: Sequence[int], other: Sequence[int]) -> tuple[int, int]:
    """Not smaller; equal."""
    equal = make.all_of([make.xor(left, right) ^ 1 for left, right in zip(one, other, strict=True)])
    return make.subtract(one, other)[-1], equal


def sine(bits: int) -> Aig:
    """A quarter of a sine by Bhaskara's parabola: the word times its complement, its upper half."""
    make = Builder()
    word = make.word(bits)
    return make.finish(_product(make, word, [bit ^ 1 for bit in word])[bits - 1 :])


def multiplier(bits: int) -> Aig:
    make = Builder()
    one, other = make.word(bits), make.word(bits)
    return make.finish(_product(make, one, other))


def _product(make: Builder, one: Sequence[int], other: Sequence[int]) -> list[int]:
    """Row by row, ripple carry."""
    total = [FALSE] * len(one)
    low: list[int] = []
    for select in other:
        total = make.add(total, [make.conj(select, bit) for bit in one])
        low.append(total.pop(0))
    return [*low, *total]


def divider(bits: int) -> Aig:
    """Restoring division: quotient and remainder."""
    make = Builder()
    dividend, divisor = make.word(bits), make.word(bits)
    rest, quotient = [FALSE] * bits, list[int]()
    for bit in reversed(dividend):
        rest = [bit, *rest]
        *less, fits = make.subtract(rest, [*divisor, FALSE])
        rest = make.choose(fits, less, rest)[:bits]
        quotient.insert(0, fits)
    return make.finish([*quotient, *rest])


def alu(bits: int) -> Aig:
    """Add, subtract, and, or, exclusive or, less than, by a code of three bits; with a zero flag."""
    make = Builder()
    one, other, code = make.word(bits), make.word(bits), make.word(3)
    *total, _ = make.add(one, other)
    *less, enough = make.subtract(one, other)
    pairs = list(zip(one, other, strict=True))
    results = [
        *(total, less, [make.conj(*pair) for pair in pairs], [make.disj(*pair) for pair in pairs]),
        *([make.xor(*pair) for pair in pairs], [enough ^ 1, *_constant(0, bits - 1)], one, [bit ^ 1 for bit in one]),
    ]
    for select in code:
        results = [make.choose(select, high, low) for low, high in zip(results[::2], results[1::2], strict=True)]
    return make.finish([*results[0], make.any_of(results[0]) ^ 1])


def comparator(bits: int) -> Aig:
    """Smaller, equal, and larger; signed and unsigned."""
    make = Builder()
    one, other = make.word(bits), make.word(bits)
    enough, equal = _compare(make, one, other)
    flipped = make.xor(enough, make.xor(one[-1], other[-1]))
    return make.finish([enough ^ 1, equal, make.conj(enough, equal ^ 1), flipped ^ 1, make.conj(flipped, equal ^ 1)])


def decoder(bits: int) -> Aig:
    """One of 2^bits lines, with an enable."""
    make = Builder()
    word, enable = make.word(bits), make.word(1)[0]
    return make.finish([make.conj(enable, _equals(make, word, number)) for number in range(1 << bits)])


def crc(bits: int, data: int, polynomial: int) -> Aig:
    """The register of a cyclic redundancy check after a word of `data` bits."""
    make = Builder()
    register, word = make.word(bits), make.word(data)
    for bit in word:
        top = make.xor(register[-1], bit)
        register = [FALSE, *register[:-1]]
        register = [make.xor(old, top) if polynomial >> place & 1 else old for place, old in enumerate(register)]
    return make.finish(register)


def control(inputs: int, outputs: int, cubes: int, seed: int) -> Aig:
    """Random control logic in two levels: cubes of two to five literals, shared by outputs that take some each."""
    random, make = Random(f"control {seed}"), Builder()
    word = make.word(inputs)
    products = [_cube(random, make, word) for _ in range(cubes)]
    return make.finish([make.any_of(random.sample(products, random.randint(2, 6))) for _ in range(outputs)])


def _cube(random: Random, make: Builder, word: Sequence[int]) -> int:
    chosen = random.sample(list(word), random.randint(2, 5))
    return make.all_of([literal ^ random.getrandbits(1) for literal in chosen])


def random_logic(inputs: int, outputs: int, gates: int, seed: int) -> Aig:
    """A random graph with locality: operands are mostly recent, as in logic that people write."""
    random, make = Random(f"random {seed}"), Builder()
    pool = make.word(inputs)
    for _ in range(gates):
        reach = len(pool) if random.random() < 0.3 else min(len(pool), 2 * inputs)
        one, other, third = (random.choice(pool[-reach:]) ^ random.getrandbits(1) for _ in range(3))
        kind = random.random()
        if kind < 0.6:
            made = make.conj(one, other)
        elif kind < 0.85:
            made = make.mux(one, other, third)
        else:
            made = make.xor(one, other)
        if made > TRUE:
            pool.append(made)
    return make.finish(pool[-outputs:])


def table(inputs: int, outputs: int, seed: int) -> Aig:
    """A random function as a tree of multiplexers over its truth table, a substitution box for instance."""
    random, make = Random(f"table {seed}"), Builder()
    word = make.word(inputs)
    made: list[int] = []
    for _ in range(outputs):
        level = [random.getrandbits(1) for _ in range(1 << inputs)]
        for select in word:
            level = [make.mux(select, high, low) for low, high in zip(level[::2], level[1::2], strict=True)]
        made += level
    return make.finish(made)


def _constant(value: int, bits: int) -> list[int]:
    return [TRUE if value >> bit & 1 else FALSE for bit in range(bits)]


def _equals(make: Builder, word: Sequence[int], value: int) -> int:
    return make.all_of([bit if value >> place & 1 else bit ^ 1 for place, bit in enumerate(word)])


_Maker = Callable[..., Aig]
KINDS: Mapping[str, tuple[_Maker, Mapping[str, tuple[int, int]]]] = {
    "adder": (adder, {"bits": (1, 256)}),
    "max": (maximum, {"words": (2, 8), "bits": (2, 128)}),
    "priority": (priority, {"bits": (2, 256)}),
    "arbiter": (arbiter, {"bits": (2, 64)}),
    "voter": (voter, {"bits": (3, 1023)}),
    "shifter": (shifter, {"bits": (2, 128)}),
    "int2float": (int2float, {"bits": (3, 64), "mantissa": (1, 32)}),
    "router": (router, {"bits": (2, 16), "ports": (1, 5)}),
    "sine": (sine, {"bits": (2, 24)}),
    "multiplier": (multiplier, {"bits": (2, 24)}),
    "divider": (divider, {"bits": (2, 24)}),
    "alu": (alu, {"bits": (2, 64)}),
    "comparator": (comparator, {"bits": (2, 128)}),
    "decoder": (decoder, {"bits": (2, 9)}),
    "crc": (crc, {"bits": (2, 32), "data": (1, 64), "polynomial": (1, (1 << 32) - 1)}),
    "control": (control, {"inputs": (5, 64), "outputs": (1, 64), "cubes": (6, 256), "seed": (0, 1 << 63)}),
    "random": (random_logic, {"inputs": (2, 128), "outputs": (1, 64), "gates": (1, 4096), "seed": (0, 1 << 63)}),
    "table": (table, {"inputs": (2, 10), "outputs": (1, 16), "seed": (0, 1 << 63)}),
}
"""Kind → its maker, and each number that names one of it with the least and the largest."""


def make_circuit(kind: str, numbers: Mapping[str, int]) -> Aig:
    """Raises UnknownCircuit, naming what is wrong."""
    if kind not in KINDS:
        raise UnknownCircuit(f"no circuit of kind {kind!r}; there are {', '.join(KINDS)}")
    maker, ranges = KINDS[kind]
    if set(numbers) != set(ranges):
        raise UnknownCircuit(f"{kind}: takes {', '.join(ranges)}, not {', '.join(numbers) or 'nothing'}")
    for name, (least, most) in ranges.items():
        if not least <= numbers[name] <= most:
            raise UnknownCircuit(f"{kind}: {name} = {numbers[name]} is not within {least} to {most}")
    return maker(**numbers)
