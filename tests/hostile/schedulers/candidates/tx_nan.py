"""Cheat 6."""


def order(instance):
    count = len(instance["transactions"])
    return [float("nan"), *range(1, count)]
