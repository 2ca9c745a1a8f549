"""Every known way to cheat on kernels has a hostile program that is refused or gains nothing, or a reason for none."""

from __future__ import annotations

from attack_pack.hacks import HACKS, outcomes

ROOM = 1.06
"""What timing on small shapes leaves open; confirmed gains are held to the noise of the day."""


def test_every_hack_is_tried_or_explained() -> None:
    assert len(HACKS) == 50
    assert [hack.words for hack in HACKS if not (hack.cheats or hack.otherwise)] == []


def test_what_tries_them_was_refused_or_gained_nothing() -> None:
    known = outcomes()
    named = {cheat for hack in HACKS for cheat in hack.cheats}
    assert sorted(named - set(known)) == []
    for cheat in named:
        state, _, rest = known[cheat].partition(" at ")
        gain = float(rest.rpartition(", ")[2].split(" ")[0]) if " x)" in rest else 0.0
        assert state in {"rejected", "suspicious"} or gain <= ROOM, f"{cheat}: {known[cheat]}"
