from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.archive import Arm
from workflows.search.bandit import FADE, Way, choose, learn, reward_of

WAYS = (Way("a", "diff", 0.3), Way("a", "full", 0.15), Way("b", "diff", 0.3))


def play(
    chances: dict[tuple[str, str], float], costs: dict[tuple[str, str], float], pulls: int, seed: int
) -> Counter[str]:
    arms: dict[tuple[str, str], Arm] = {}
    random, taken = Random(seed), Counter[str]()
    for _ in range(pulls):
        way = choose(WAYS, arms, random)
        taken["/".join(way.key)] += 1
        reward = 0.8 if random.random() < chances[way.key] else 0.0
        arms[way.key] = learn(arms.get(way.key, Arm(*way.key)), reward, costs[way.key])
    return taken


def test_the_arm_that_pays_is_taken_most() -> None:
    chances = {("a", "diff"): 0.05, ("a", "full"): 0.5, ("b", "diff"): 0.05}
    for seed in range(5):
        taken = play(chances, dict.fromkeys(chances, 1.0), 300, seed)
        assert taken["a/full"] > 150
        assert min(taken.values()) > 0


def test_of_two_that_pay_alike_the_cheaper_is_taken() -> None:
    chances = dict.fromkeys([way.key for way in WAYS], 0.3)
    costs = {("a", "diff"): 1.0, ("a", "full"): 1.0, ("b", "diff"): 0.1}
    for seed in range(5):
        assert play(chances, costs, 300, seed)["b/diff"] > 150


def test_what_paid_long_ago_fades() -> None:
    arm = Arm("a", "diff")
    for _ in range(200):
        arm = learn(arm, 1.0, 1.0)
    assert arm.wins <= 1 / (1 - FADE) + 1e-9
    for _ in range(100):
        arm = learn(arm, 0.0, 1.0)
    assert arm.wins < arm.losses / 5
    assert arm.pulls == 300


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 10**6), st.floats(0, 1e3), st.floats(0, 1e3), st.floats(0, 1e6)),
        min_size=1,
        max_size=8,
    ),
    st.integers(),
)
def test_any_history_gives_one_of_the_ways(rows: list[tuple[float, int, float, float, float]], seed: int) -> None:
    ways = [Way("m", str(number), row[0]) for number, row in enumerate(rows)]
    arms = {way.key: Arm(*way.key, row[1], row[2], row[3], row[4]) for way, row in zip(ways, rows, strict=True)}
    assert choose(ways, arms, Random(seed)) in ways
    assert choose(ways, arms, Random(seed)) == choose(ways, arms, Random(seed))


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_rewards_lie_between_0_and_1_and_only_gains_have_one(gain: float, usual: float) -> None:
    reward = reward_of(gain, usual)
    assert 0 <= reward <= 1
    assert (reward > 0) <= (gain > 0)


def test_the_usual_gain_is_worth_one_half_at_any_scale() -> None:
    assert reward_of(3e-6, 3e-6) == reward_of(5e4, 5e4) == 0.5
