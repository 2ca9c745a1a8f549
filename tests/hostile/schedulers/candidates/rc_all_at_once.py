"""Cheat 5: starts every activity as early as precedence allows, whatever the capacities."""


def priority(f):
    return 0


def wrong(functions, instance):
    starts = [0] * len(instance["durations"])
    for activity, followers in enumerate(instance["successors"]):
        for follower in followers:
            starts[follower] = max(starts[follower], starts[activity] + instance["durations"][activity])
    return starts


__import__("sys").modules["driver"].solve.__code__ = wrong.__code__
