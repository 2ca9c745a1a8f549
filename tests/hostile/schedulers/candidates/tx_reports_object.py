"""Cheat 2: the same as an object."""


def order(instance):
    count = len(instance["transactions"])
    return {"makespan": 0, "order": list(range(count))}
