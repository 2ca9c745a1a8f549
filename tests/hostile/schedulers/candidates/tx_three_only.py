"""Cheat 3: lists three transactions."""


def order(instance):
    return [0, 1, 2]
