"""Operators on the numbers of a Python program: one, several at once, and by what was measured of its family."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random

import numpy as np

from nightforge.domain.team import OperatorContext, Program
from nightforge.domain.words import OperatorKind
from tools.python_operators.code import Code
from tools.python_operators.literals import SEED, Literal, changed, literals_of, neighbour, other_value, skeleton_of
from tools.python_operators.operator import PythonOperator, Variant

_FEWEST = 4
"""Measured programs of one skeleton from which on their numbers are modelled; fewer give a difference."""


class OneNumber(PythonOperator):
    """One number of a Python program becomes another: near it, half, twice, or a step away."""

    name = "tune.python_number"
    kind = OperatorKind.TUNE
    prior = 0.4

    def fits_code(self, code: Code) -> bool:
        return bool(literals_of(code))

    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        literals = literals_of(code)
        while literals:
            one = random.choice(_likely(literals, random))
            value = other_value(one, random)
            yield Variant(code.with_edits([one.edit(value)]), f"{one.value} -> {value:.4g}")


class Seed(PythonOperator):
    """Another seed for a Python program that draws: an option or a constant of that name."""

    name = "tune.python_seed"
    kind = OperatorKind.TUNE
    prior = 0.7

    def fits_code(self, code: Code) -> bool:
        """Programs that ask for a method of optimisation will have one that draws."""
        return "nf: refine" in code.source or any(one.option == SEED for one in literals_of(code))

    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        seeds = [one for one in literals_of(code) if one.option == SEED]
        while seeds:
            one = random.choice(seeds)
            value = other_value(one, random)
            yield Variant(code.with_edits([one.edit(value)]), f"seed {one.value} -> {value}")


class Numbers(PythonOperator):
    """Several numbers of a Python program move at once, by shares of one drawn size."""

    name = "tune.python_numbers"
    kind = OperatorKind.TUNE
    prior = 0.35

    def fits_code(self, code: Code) -> bool:
        return len(literals_of(code)) > 1

    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        literals = [one for one in literals_of(code) if not one.is_place]
        while len(literals) > 1:
            width = random.choice((0.01, 0.05, 0.2, 0.5))
            some = random.sample(literals, random.randint(2, min(8, len(literals))))
            values = [neighbour(one.value, width, random) for one in some]
            yield Variant(changed(code, some, values), f"{len(some)} numbers by about {width:.0%}")


class Family(PythonOperator):
    """Numbers drawn from what the better programs of one skeleton have: a normal distribution with their covariance
    (as CMA-ES and EMNA fit one; Larrañaga and Lozano 2002), and with few of them the difference of two (Storn and
    Price 1997)."""

    name = "tune.python_family"
    kind = OperatorKind.TUNE
    prior = 0.35

    def fits_code(self, code: Code) -> bool:
        return len(literals_of(code)) > 1

    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        skeleton, own = skeleton_of(code)
        literals = literals_of(code)
        relatives = _relatives(skeleton, context)
        while relatives and literals:
            drawn = _drawn(own, relatives, random)
            values = [_like(one, value) for one, value in zip(literals, drawn, strict=True)]
            yield Variant(changed(code, literals, values), f"from {len(relatives)} programs that differ in numbers")


def _likely(literals: Sequence[Literal], random: Random) -> Sequence[Literal]:
    """Options of calls are there to be chosen; numbers that choose a part of something are rarely worth a try."""
    drawn = random.random()
    options = [one for one in literals if one.option]
    free = [one for one in literals if not one.is_place]
    if options and drawn < 0.7:
        return options
    return free if free and drawn < 0.98 else literals


def _relatives(skeleton: str, context: OperatorContext) -> list[tuple[float, ...]]:
    """Numbers of other programs with this skeleton, best first."""
    found: dict[tuple[float, ...], float] = {}
    for program in _measured(context):
        code = Code.parse(program.source)
        if code is not None:
            other, values = skeleton_of(code)
            if other == skeleton and program.source != context.parent.source:
                found[values] = program.score or 0.0
    return sorted(found, key=lambda values: -found[values])


def _measured(context: OperatorContext) -> list[Program]:
    known = {program.source: program for program in (*context.partners, *context.history) if program.score is not None}
    return list(known.values())


def _drawn(own: Sequence[float], relatives: Sequence[Sequence[float]], random: Random) -> list[float]:
    if len(relatives) < _FEWEST:
        one, other = random.choice(relatives), random.choice([own, *relatives])
        factor = random.uniform(0.3, 0.9)
        return [mine + factor * (a - b) for mine, a, b in zip(own, one, other, strict=True)]
    better = np.array([own, *relatives[: max(_FEWEST, len(relatives) // 2)]], dtype=np.float64)
    weights = np.log(len(better) + 0.5) - np.log(np.arange(1, len(better) + 1))
    weights /= weights.sum()
    mean = weights @ better
    spread = better - mean
    # What differs among few programs spans few directions: a little of each number's own scatter is added.
    covariance = (spread.T * weights) @ spread + np.diag(0.1 * spread.var(axis=0) + 1e-18)
    rng = np.random.default_rng(random.getrandbits(32))
    sample: list[float] = rng.multivariate_normal(mean, covariance, method="svd").tolist()
    return sample


def _like(one: Literal, value: float) -> int | float:
    if not math.isfinite(value) or one.is_place:
        return one.value
    return max(0, round(value)) if one.is_whole else abs(value)
