"""A job that must end by its deadline, on spot capacity that comes and goes or on demand at the full price.

As in Wu et al. (Can't Be Late, NSDI 2024): time goes in ticks of five minutes; every start or change of machine costs
some ticks without progress, paid all the same. This side keeps the guard: from the tick on at which only a start on
demand can still meet the deadline, the job runs on demand to its end. No rule can be late, and none sees the future.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from evaluators.schedulers.answers import integers
from evaluators.schedulers.problem import Feature, Instance, Play, Split, Violated
from nightforge.domain.base import Json

WAIT, SPOT, DEMAND = 0, 1, 2
_TICKS_PER_HOUR = 12
_WORK_H = 48
_SPOT_PRICE, _DEMAND_PRICE = 81, 255
"""Thousandths of a dollar per tick: 0.97 $ and 3.06 $ an hour."""
_DEADLINES_H, _RESTARTS = (52, 70), (1, 3)
_AVAILABLE_PCT, _MEAN_UP_H = (15, 35, 55, 75), (1, 4)
_ROUNDS: dict[Split, int] = {Split.TRAIN: 1, Split.VALIDATION: 1, Split.HIDDEN: 2}
"""How often each of the 32 combinations is drawn; the hidden set has the shifted ones beside."""
_SHIFTED_KINDS = ("daily", "bursts")


class Position(NamedTuple):
    """Between two ticks."""

    done: int = 0
    running: int = WAIT
    restart: int = 0
    """Ticks of the running machine that still bring no progress."""

    def after(self, choice: int, over: int) -> Position:
        """One tick later."""
        if choice == WAIT:
            return Position(self.done)
        left = self.restart if choice == self.running else over
        return Position(self.done + (left == 0), choice, max(0, left - 1))


class SpotDeadline:
    name = "spot-deadline"
    functions = ("score",)
    features = (
        Feature("is_spot", "1", "the option is spot capacity (offered only while there is some)"),
        Feature("is_demand", "1", "the option is capacity on demand; neither: to wait"),
        Feature("is_same", "1", "the option is what runs now (or waiting goes on)"),
        Feature("restart", "ticks", "without progress before the option works"),
        Feature("price", "price", "of a tick of the option; 0 for waiting"),
        Feature("left", "ticks", "of work left"),
        Feature("time", "ticks", "until the deadline, this one included"),
        Feature("slack", "ticks", "that may still be lost before the guard takes over"),
        Feature("behind", "ticks", "of work that are missing to even progress from start to deadline"),
        Feature("has_spot", "1", "there is spot capacity in this tick"),
        Feature("lasted", "ticks", "since spot capacity last came or went"),
        Feature("up", "ticks", "with spot capacity so far"),
        Feature("seen", "ticks", "so far, this one included"),
        Feature("changes", "times", "that spot capacity came or went so far"),
        Feature("over", "ticks", "without progress after each start"),
        Feature("work", "ticks", "of the whole job"),
        Feature("deadline", "ticks", "from start to deadline"),
    )

    @property
    def driver(self) -> str:
        return (Path(__file__).parent / "drivers" / "spot.py").read_text(encoding="utf-8")

    @property
    def engine(self) -> str:
        return "spot"

    def encode(self, instance: Instance) -> Sequence[int]:
        return [*_facts(instance), _SPOT_PRICE, _DEMAND_PRICE, *integers(instance.truth)]

    def decode(self, instance: Instance, numbers: Sequence[int]) -> Json:
        return list(numbers)

    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        random = Random(f"{self.name} {split} {seed}")
        instances = []
        for number in range(_ROUNDS.get(split, 0)):
            for deadline in _DEADLINES_H:
                for over in _RESTARTS:
                    for percent in _AVAILABLE_PCT:
                        for up in _MEAN_UP_H:
                            trace = markov_trace(random, deadline * _TICKS_PER_HOUR, percent / 100, up)
                            instances.append(_instance(f"{percent}pct-{up}h-{number}", deadline, over, trace))
        if split is Split.HIDDEN:
            for kind in _SHIFTED_KINDS:
                for number in range(8):
                    deadline, over = _DEADLINES_H[number % 2], _RESTARTS[number // 2 % 2]
                    trace = shifted_trace(random, kind, deadline * _TICKS_PER_HOUR)
                    instances.append(_instance(f"{kind}-{number}", deadline, over, trace))
        return instances

    def bound(self, instance: Instance) -> int:
        """The cost of one who knows the whole trace: the optimum itself, by dynamic programming."""
        return clairvoyant(integers(instance.truth), *_facts(instance))

    def play(self, instance: Instance) -> Play:
        trace = integers(instance.truth)
        work, deadline, over = _facts(instance)
        now, cost = Position(), 0
        for tick in range(deadline):
            has_spot = bool(trace[tick])
            done, running, restart = now
            if running == SPOT and not has_spot:
                running = restart = WAIT
                now = Position(done)
            # To wait, and to go on with what may end at any time, is safe while on demand could still begin after it.
            spare = deadline - tick - 1 - (work - done + over)
            may_spot = has_spot and spare + ((restart if running == SPOT else over) == 0) >= 0
            choice = DEMAND
            if spare >= 0 or may_spot:
                wanted = _read_choice((yield [tick, int(has_spot), running, restart, done]), tick, has_spot)
                if (wanted == WAIT and spare >= 0) or (wanted == SPOT and may_spot):
                    choice = wanted
            now = now.after(choice, over)
            cost += (0, _SPOT_PRICE, _DEMAND_PRICE)[choice]
            if now.done == work:
                return cost
        raise AssertionError("unreachable: the guard meets the deadline")


def clairvoyant(trace: Sequence[int], work: int, deadline: int, over: int) -> int:
    """Least cost to finish in time, backwards over ticks; a state is work done, machine and restart ticks left."""
    far = np.int64(2**40)
    value = np.full((3, over + 1, work + 1), far)
    value[:, :, work] = 0
    for tick in reversed(range(deadline)):
        waited = value[WAIT, 0]
        started = {WAIT: waited}
        going = np.full((3, over + 1, work + 1), far)
        for machine, price in ((SPOT, _SPOT_PRICE), (DEMAND, _DEMAND_PRICE)):
            if machine == SPOT and not trace[tick]:
                continue
            going[machine, 0, :-1] = value[machine, 0, 1:] + price
            going[machine, 1:] = value[machine, :-1] + price
            started[machine] = value[machine, over - 1] + price
        best_start = np.minimum.reduce(list(started.values()))
        value = np.minimum(going, best_start)
        value[WAIT, :] = best_start
        value[:, :, work] = 0
    return int(value[WAIT, 0, 0])


def markov_trace(random: Random, ticks: int, share: float, mean_up_h: float) -> list[int]:
    """Two states with geometric stays: available for `share` of the time, `mean_up_h` hours in one go on average."""
    end_up = 1 / (mean_up_h * _TICKS_PER_HOUR)
    end_down = end_up * share / (1 - share)
    has = random.random() < share
    trace = []
    for _ in range(ticks):
        trace.append(int(has))
        has ^= random.random() < (end_up if has else end_down)
    return trace


def shifted_trace(random: Random, kind: str, ticks: int) -> list[int]:
    """`daily`: scarce by day, plenty by night. `bursts`: long calm stretches, then capacity that flickers."""
    trace: list[int] = []
    if kind == "daily":
        while len(trace) < ticks:
            trace += markov_trace(random, 12 * _TICKS_PER_HOUR, 0.15 if len(trace) // 144 % 2 == 0 else 0.8, 2)
        return trace[:ticks]
    while len(trace) < ticks:
        calm = markov_trace(random, random.randint(24, 144), random.choice((0.1, 0.9)), 8)
        trace += calm + markov_trace(random, random.randint(12, 72), 0.5, 0.3)
    return trace[:ticks]


def _instance(name: str, deadline_h: int, over: int, trace: list[int]) -> Instance:
    facts: dict[str, Json] = {
        "work": _WORK_H * _TICKS_PER_HOUR,
        "deadline": deadline_h * _TICKS_PER_HOUR,
        "over": over,
        "spot_price": _SPOT_PRICE,
        "demand_price": _DEMAND_PRICE,
    }
    group = f"{deadline_h}h-{over * 60 // _TICKS_PER_HOUR}min"
    return Instance(f"{group}-{name}", group, facts, list[Json](trace))


def _facts(instance: Instance) -> tuple[int, int, int]:
    """Work, deadline and restart in ticks."""
    work, deadline, over = (instance.data[name] for name in ("work", "deadline", "over"))
    assert isinstance(work, int)
    assert isinstance(deadline, int)
    assert isinstance(over, int)
    return work, deadline, over


def _read_choice(value: Json, tick: int, has_spot: bool) -> int:
    if type(value) is not int or value not in (WAIT, SPOT, DEMAND):
        raise Violated("form", f"tick {tick}: expected 0 (wait), 1 (spot) or 2 (on demand), got {value!r:.40}")
    if value == SPOT and not has_spot:
        raise Violated("availability", f"tick {tick}: spot capacity was taken where there was none")
    return value
