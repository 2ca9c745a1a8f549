"""The machine's broker: pace and dollars hold over processes, a dead holder's dollars count as spent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightforge.errors import BudgetExhausted, PlatformFault
from tools.broker import BOOKING_S, PAUSE_CHECK_S, MachineBroker, NoBroker, NoTurn, Rate
from tools.broker_ledger import BURST_S, Ledger, Refused


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def ledger(tmp_path: Path, hand: Hand) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path, now=hand)
    yield ledger
    ledger.close()


def test_a_bucket_lets_a_burst_through_and_then_keeps_the_rate(ledger: Ledger, hand: Hand) -> None:
    waits = [ledger.admit("one", 60.0, None, 0) for _ in range(12)]
    assert waits[: int(BURST_S)] == [0.0] * int(BURST_S)
    assert waits[int(BURST_S) :] == pytest.approx([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], abs=1e-5)
    hand.at_s += 3600
    assert ledger.admit("one", 60.0, None, 0) == 0.0


@pytest.mark.parametrize("rate", [10.0, 60.0, 600.0])
def test_no_window_holds_more_than_burst_and_rate(ledger: Ledger, hand: Hand, rate: float) -> None:
    sent: list[float] = []
    for _ in range(80):
        sent.append(hand.at_s + ledger.admit("one", rate, None, 0))
        hand.at_s += 0.013
    for start in sent:
        for length_s in (1.0, 10.0, 60.0):
            inside = sum(start <= at < start + length_s for at in sent)
            assert inside <= (length_s + BURST_S) * rate / 60 + 1


def test_tokens_are_paced_apart_and_unused_ones_come_back(ledger: Ledger) -> None:
    assert ledger.admit("one", None, 6000.0, 600) == 0.0
    assert ledger.admit("one", None, 6000.0, 300) == pytest.approx(3.0, abs=1e-5)
    ledger.refund("one", 6000.0, 600)
    assert ledger.admit("one", None, 6000.0, 200) == 0.0
    assert ledger.admit("two", None, 6000.0, 600) == 0.0, "endpoints do not share"


def test_a_request_larger_than_the_bucket_waits_for_a_full_one_only(ledger: Ledger) -> None:
    assert ledger.admit("one", None, 60.0, 1000) == 0.0
    assert ledger.admit("one", None, 60.0, 1) > 900


def test_a_pause_holds_for_everybody(ledger: Ledger, hand: Hand) -> None:
    ledger.pause("one", 30)
    ledger.pause("one", 5)
    assert ledger.admit("one", 60.0, None, 0) == pytest.approx(30.0, abs=1e-5)
    hand.at_s += 31
    assert ledger.paused_s("one") == 0.0


def test_the_day_has_a_cap_over_campaigns_and_a_new_day_a_new_one(ledger: Ledger, hand: Hand) -> None:
    first = ledger.hold(0.6, "a", 1.0)
    assert isinstance(first, int)
    assert ledger.hold(0.6, "b", 1.0) == Refused(0.0, may_fit_later=True)
    ledger.settle(first, 0.5)
    ledger.settle(first, 0.5)
    assert ledger.hold(0.6, "b", 1.0) == Refused(0.5, may_fit_later=False)
    second = ledger.hold(0.5, "b", 1.0)
    assert isinstance(second, int)
    ledger.settle(second, 0.5)
    assert ledger.spent_today_usd() == pytest.approx(1.0)
    hand.at_s += 86400
    assert isinstance(ledger.hold(0.6, "b", 1.0), int)


HOLDER = (
    "import asyncio, pathlib, sys, time\nfrom tools.broker import MachineBroker\n"
    "held = asyncio.run(MachineBroker(pathlib.Path(sys.argv[1]), daily_usd=1.0).hold(0.75, campaign_id='dead'))\n"
    "print('held', flush=True)\ntime.sleep(60)"
)


def test_what_a_killed_process_held_counts_as_spent(tmp_path: Path) -> None:
    broker = MachineBroker(tmp_path, daily_usd=1.0)
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert broker.spent_today_usd() == 0.0, "it lives: it may still give the dollars back"
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert broker.spent_today_usd() == pytest.approx(0.75)
    with pytest.raises(BudgetExhausted) as refused:
        asyncio.run(broker.hold(0.5, campaign_id="alive"))
    assert refused.value.where == "daily:cost_usd"
    broker.close()


SPENDER = (
    "import asyncio, pathlib, sys\n"
    "from nightforge.errors import BudgetExhausted\n"
    "from tools.broker import MachineBroker\n"
    "async def spend():\n"
    "    broker, calls = MachineBroker(pathlib.Path(sys.argv[1]), daily_usd=1.0), 0\n"
    "    try:\n"
    "        while True:\n"
    "            held = await broker.hold(0.03, campaign_id=sys.argv[2])\n"
    "            await held.settle(0.02)\n"
    "            calls += 1\n"
    "    except BudgetExhausted:\n"
    "        print(calls)\n"
    "asyncio.run(spend())"
)


def test_ten_processes_at_once_keep_the_cap(tmp_path: Path) -> None:
    spenders = [
        subprocess.Popen([sys.executable, "-c", SPENDER, str(tmp_path), f"c{number}"], stdout=subprocess.PIPE)
        for number in range(10)
    ]
    calls = sum(int(spender.communicate(timeout=60)[0]) for spender in spenders)
    broker = MachineBroker(tmp_path)
    assert broker.spent_today_usd() == pytest.approx(calls * 0.02)
    assert 0.97 < broker.spent_today_usd() <= 1.0
    broker.close()


async def test_a_turn_is_waited_for(tmp_path: Path) -> None:
    broker, began = MachineBroker(tmp_path), time.monotonic()
    await asyncio.gather(*(broker.admit("one", Rate(requests_per_minute=600)) for _ in range(63)))
    assert 0.25 < time.monotonic() - began < 15.0
    broker.close()


async def test_a_broken_ledger_is_a_fault_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "broker.db").write_bytes(b"no database " * 100)
    broker = MachineBroker(tmp_path, daily_usd=2.0)
    with pytest.raises(PlatformFault) as fault:
        await broker.hold(1.0, campaign_id="a")
    assert fault.value.where == str(tmp_path)


def test_a_damaged_ledger_says_what_to_move_and_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "broker.db").write_bytes(b"no database" * 400)
    ledger = Ledger(tmp_path)
    with pytest.raises(PlatformFault):
        ledger.spent_today_usd()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(PlatformFault) as caught:
            ledger.hold(0.5, "k", 1.0)
        assert "move broker.db away" in (caught.value.hint or "")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert list((tmp_path / "holders").iterdir()) == []
    (tmp_path / "broker.db").unlink()
    assert isinstance(ledger.hold(0.5, "k", 1.0), int)
    ledger.close()


def test_a_turn_too_far_ahead_is_not_taken(ledger: Ledger) -> None:
    for _ in range(int(BURST_S)):
        ledger.admit("one", 60.0, None, 0)
    assert ledger.admit("one", 60.0, None, 0) == pytest.approx(1.0, abs=1e-5)
    for _ in range(100):
        assert ledger.admit("one", 60.0, None, 0, patience_s=1.5) == pytest.approx(2.0, abs=1e-5)
    assert ledger.admit("one", 60.0, None, 0) == pytest.approx(2.0, abs=1e-5), "those who left took nothing"


async def test_no_turn_is_said_at_once_and_a_pause_of_another_process_is_seen(tmp_path: Path) -> None:
    ours, theirs = MachineBroker(tmp_path), MachineBroker(tmp_path)
    slow = Rate(requests_per_minute=1)
    assert await ours.admit("slow", slow) == 0.0
    with pytest.raises(NoTurn) as late:
        await theirs.admit("slow", slow, patience_s=5.0)
    assert late.value.wait_s > 50
    assert await ours.admit("free", Rate()) == 0.0
    await theirs.pause("free", 100.0)
    with pytest.raises(NoTurn):
        await theirs.admit("free", Rate(), pause_s=5.0)
    await asyncio.sleep(PAUSE_CHECK_S + 0.05)
    with pytest.raises(NoTurn):
        await ours.admit("free", Rate(), pause_s=5.0)
    ours.close()
    theirs.close()


async def test_without_a_cap_dollars_are_booked_together_and_seen_by_those_who_have_one(tmp_path: Path) -> None:
    broker, capped = MachineBroker(tmp_path), MachineBroker(tmp_path, daily_usd=1.0)
    statements: list[str] = []
    broker.spent_today_usd()
    assert broker._ledger._connection is not None
    broker._ledger._connection.set_trace_callback(statements.append)
    for number in range(50):
        held = await broker.hold(0.5, campaign_id=f"c{number % 2}")
        await (held.settle_in_full() if number == 0 else held.settle(0.01) if number < 40 else held.release())
    assert statements == [], "fifty calls wrote nothing yet"
    await asyncio.sleep(BOOKING_S + 0.5)
    assert statements.count("BEGIN IMMEDIATE") == 2, "a write for each campaign"
    assert capped.spent_today_usd() == pytest.approx(0.5 + 39 * 0.01)
    with pytest.raises(BudgetExhausted):
        await capped.hold(0.2, campaign_id="other")
    await (await broker.hold(0.1, campaign_id="c0")).settle(0.1)
    broker.close()
    assert capped.spent_today_usd() == pytest.approx(0.99), "closing books what is left"
    capped.close()


async def test_what_costs_nothing_asks_nobody(tmp_path: Path) -> None:
    held = await MachineBroker(tmp_path / "none", daily_usd=0.0).hold(0.0, campaign_id="a")
    await held.settle_in_full()
    assert not os.path.exists(tmp_path / "none")  # noqa: PTH110, ASYNC240 - a look at a folder of the test
    assert await NoBroker().admit("one", Rate(), tokens=5) == 0.0
