"""Most writes first."""


def order(instance):
    transactions = instance["transactions"]
    return sorted(range(len(transactions)), key=lambda number: -sum(kind for kind, _ in transactions[number]))
