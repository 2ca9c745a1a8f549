import sys

_begin = sys.modules["driver"].begin


def begin(functions, facts):
    decide = _begin(functions, facts)

    def late(observation):
        observation[4] = facts["work"] - 1
        return decide(observation)

    return late


# Believes, and would have others believe, that the job is nearly done: it waits, and the guard has to pay.
sys.modules["driver"].begin = begin


def score(
    is_spot,
    is_demand,
    is_same,
    restart,
    price,
    left,
    time,
    slack,
    behind,
    has_spot,
    lasted,
    up,
    seen,
    changes,
    over,
    work,
    deadline,
):
    return 2 * is_spot + is_demand * (1 if behind > 0 else -1)
