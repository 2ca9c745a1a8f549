"""Campaign ids that a person can say, type and complete: `lusab-tirok`."""

from __future__ import annotations

from random import Random, SystemRandom

_CONSONANTS = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_WORD = (_CONSONANTS, _VOWELS, _CONSONANTS, _VOWELS, _CONSONANTS)


def make_campaign_id(random: Random | None = None) -> str:
    """Two words of five letters: 4.7e9 ids, so that chance collisions of a team's campaigns are rare.

    The store asks again when an id is taken.
    """
    source = random or SystemRandom()
    return "-".join("".join(source.choice(letters) for letters in _WORD) for _ in range(2))
