"""Best of full greedy orders from many first transactions."""


class Plan:
    """Makespan of a growing order: when each key was last written and last touched."""

    def __init__(self, transactions):
        self.transactions = transactions
        self.written = {}
        self.touched = {}
        self.end = 0

    def start(self, number):
        start = 0
        for place, (kind, key) in enumerate(self.transactions[number]):
            free = (self.touched if kind else self.written).get(key, 0) - place
            if free > start:
                start = free
        return start

    def append(self, number):
        start = self.start(number)
        for place, (kind, key) in enumerate(self.transactions[number]):
            after = start + place + 1
            if after > self.touched.get(key, 0):
                self.touched[key] = after
            if kind and after > self.written.get(key, 0):
                self.written[key] = after
        self.end = max(self.end, start + len(self.transactions[number]))


def greedy(transactions, first):
    plan = Plan(transactions)
    plan.append(first)
    order = [first]
    left = [number for number in range(len(transactions)) if number != first]
    while left:
        best = min(left, key=lambda number: (plan.start(number) + len(transactions[number]), plan.start(number)))
        plan.append(best)
        order.append(best)
        left.remove(best)
    return plan.end, order


def order(instance):
    transactions = instance["transactions"]
    operations = sum(map(len, transactions))
    tries = min(len(transactions), 5_000_000 // (len(transactions) * operations))
    return min((greedy(transactions, first) for first in range(max(1, tries))), key=lambda one: one[0])[1]
