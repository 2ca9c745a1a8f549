"""A function that takes nothing."""


def pack():
    return []
