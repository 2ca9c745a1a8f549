"""Cheat 6."""


def order(instance):
    count = len(instance["transactions"])
    return [1e309, *range(1, count)]
