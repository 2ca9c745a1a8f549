"""Cheat 6."""


def order(instance):
    count = len(instance["transactions"])
    return [0.5, *range(1, count)]
