"""Cheat 27: far too long."""


def order(instance):
    return [0] * 600_000
