"""Cheat 2: reports a makespan of its own beside the order."""


def order(instance):
    count = len(instance["transactions"])
    return [0, [list(range(count))]]
