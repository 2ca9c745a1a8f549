"""Search randomness: a function of campaign seed, candidate and decision, so that it is the same after a crash."""

from __future__ import annotations

from hashlib import sha256
from random import Random


def decide(seed: int, ordinal: int, decision: str) -> Random:
    digest = sha256(f"{seed}/{ordinal}/{decision}".encode()).digest()
    return Random(int.from_bytes(digest[:8], "big"))
