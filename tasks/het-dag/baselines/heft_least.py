"""HEFT with ranks of shortest times."""


def rank(f):
    return f["upward_least"]


def place(f):
    return -f["finish"]
