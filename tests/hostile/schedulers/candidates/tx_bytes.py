"""Cheat 8: a pickled answer that would run code; nothing unpickles it."""


def order(instance):
    return b"cos\nsystem\n(S'true'\ntR."
