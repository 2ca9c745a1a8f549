"""Which model of an ensemble is asked first, and who steps in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from nightforge.domain.plan import ModelSpec


def order_of(models: Sequence[ModelSpec], chosen: str, random: Random) -> Sequence[int]:
    """Indices of all models, the one to ask first in front.

    The chosen model leads. The rest are drawn by weight, without replacement (the exponential keys of P. Efraimidis
    and P. Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97(5), 2006); those
    without a weight follow as they were named. One draw per model whatever is chosen, so that a choice changes
    nothing for others.
    """
    keys = [random.expovariate(1.0) for _ in models]
    drawn = [key / model.weight if model.weight else math.inf for key, model in zip(keys, models, strict=True)]
    return sorted(range(len(models)), key=lambda index: (models[index].model != chosen, drawn[index], index))
