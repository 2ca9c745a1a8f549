"""Cheat 1: empties the transactions that it was given."""


def order(instance):
    count = len(instance["transactions"])
    for row in instance["transactions"]:
        row.clear()
    return list(range(count))
