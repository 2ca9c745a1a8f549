"""Cheat 4: lists one transaction twice, another not at all."""


def order(instance):
    count = len(instance["transactions"])
    return [0, *range(count - 1)]
