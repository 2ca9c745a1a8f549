"""Most conflicts with others first."""


def order(instance):
    transactions = instance["transactions"]
    uses = {}
    for row in transactions:
        for kind, key in row:
            uses[key] = uses.get(key, 0) + 1 + kind
    heat = [sum(uses[key] for _, key in row) for row in transactions]
    return sorted(range(len(transactions)), key=lambda number: -heat[number])
