"""Longest transaction first."""


def order(instance):
    transactions = instance["transactions"]
    return sorted(range(len(transactions)), key=lambda number: -len(transactions[number]))
