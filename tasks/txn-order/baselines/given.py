"""In the order given."""


def order(instance):
    transactions = instance["transactions"]
    return sorted(range(len(transactions)), key=lambda number: number)
