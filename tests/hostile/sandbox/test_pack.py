"""The attack pack against every tier that works here. `make attacks` runs the whole; this is the quick part."""

from __future__ import annotations

from functools import cache

import pytest
from attack_pack.findings import Finding
from attack_pack.manifest import PROGRAMS, load_attacks
from attack_pack.sampling import is_attack
from attack_pack.verdicts import Verdict, Word, decide, run_pack, working_tiers
from hypothesis import given
from hypothesis import strategies as st

pytestmark = [pytest.mark.box, pytest.mark.timeout(600)]
QUICK = [attack for attack in load_attacks() if not attack.slow]
SLOW = [attack for attack in load_attacks() if attack.slow]


@cache
def all_findings(slow: bool) -> dict[str, dict[str, Finding]]:
    return run_pack(SLOW if slow else QUICK, working_tiers())


def verdicts(name: str, *, slow: bool) -> list[Verdict]:
    found = all_findings(slow)
    tiers = [tier for tier in found if tier != "bare"]
    assert tiers, "no tier works here"
    control = found["bare"].get(name)
    return [decide(control, found[tier].get(name), attack=name, tier=tier) for tier in tiers]


@pytest.mark.parametrize("name", [attack.name for attack in QUICK])
def test_held(name: str) -> None:
    for verdict in verdicts(name, slow=False):
        assert verdict.word is Word.HELD, f"{verdict.tier}: {verdict.why}"


@pytest.mark.slow
@pytest.mark.parametrize("name", [attack.name for attack in SLOW])
def test_held_in_its_time(name: str) -> None:
    for verdict in verdicts(name, slow=True):
        assert verdict.word is Word.HELD, f"{verdict.tier}: {verdict.why}"


def test_every_program_has_a_row() -> None:
    programs = {path.stem for path in PROGRAMS.iterdir()}
    rows = [attack.name for attack in load_attacks()]
    assert programs == set(rows)
    assert len(rows) == len(set(rows))


def finding(*, ran: bool = True, worked: bool = True) -> Finding:
    return Finding(attack="a", tier="t", ran=ran, worked=worked, detail="seen", elapsed_s=0.1)


@pytest.mark.parametrize(
    ("control", "tried", "word"),
    [
        (finding(), finding(worked=False), Word.HELD),
        (finding(), finding(), Word.BROKE),
        (finding(worked=False), finding(), Word.BROKE),
        (finding(worked=False), finding(worked=False), Word.INVALID),
        (finding(ran=False, worked=False), finding(worked=False), Word.INVALID),
        (finding(), finding(ran=False, worked=False), Word.INVALID),
        (None, finding(worked=False), Word.INVALID),
        (finding(), None, Word.INVALID),
    ],
)
def test_a_verdict_needs_a_control_that_worked_and_an_attempt(
    control: Finding | None, tried: Finding | None, word: Word
) -> None:
    assert decide(control, tried, attack="a", tier="t").word is word


LAUNCH = (
    ("unshare", b"unshare --user -- /bin/sh -c mount -i token"),
    ("sh", b""),
    ("sh", b"/bin/sh -c mount -i token"),
    ("sh", b""),
    ("prlimit", b"prlimit -- bwrap -- token"),
    ("bwrap", b"bwrap -- prlimit -- token"),
    ("prlimit", b"prlimit -- /bin/sh token"),
    ("sh", b"/bin/sh token"),
)
"""Name and arguments of one process on its way to an attack; in between, an exec leaves it without arguments."""


@given(paces=st.lists(st.integers(0, len(LAUNCH)), max_size=24))
def test_no_stage_of_a_launch_passes_for_the_attack(paces: list[int]) -> None:
    stage = 0
    left = iter(paces)

    def read(path: str) -> bytes:
        nonlocal stage
        stage = min(stage + next(left, 0), len(LAUNCH) - 1)
        name, line = LAUNCH[stage]
        return f"{name}\n".encode() if path.endswith("/comm") else line

    found = is_attack(b"token", "1", read)
    assert not found or stage == len(LAUNCH) - 1
    stage = len(LAUNCH) - 1
    assert is_attack(b"token", "1", read)
