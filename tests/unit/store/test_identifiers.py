from __future__ import annotations

import re
from random import Random

from nightforge.store.identifiers import make_campaign_id


def test_can_be_said_and_typed() -> None:
    random = Random(3)
    ids = [make_campaign_id(random) for _ in range(2000)]
    for each in ids:
        assert re.fullmatch(r"([b-z][aeiou][b-z][aeiou][b-z])-([b-z][aeiou][b-z][aeiou][b-z])", each)
        assert not re.search("[chjqwxy]", each)
    assert len(set(ids)) == len(ids)


def test_randomness_is_injected() -> None:
    assert make_campaign_id(Random(1)) == make_campaign_id(Random(1))
    assert make_campaign_id() != make_campaign_id()
