"""Greedy, then moves of one transaction to another place, kept unless worse."""

import random


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
    draw = random.Random(1)
    best, chosen = greedy(transactions, 0)
    for _ in range(5_000_000 // sum(map(len, transactions))):
        moved = list(chosen)
        moved.insert(draw.randrange(len(moved)), moved.pop(draw.randrange(len(moved))))
        plan = Plan(transactions)
        for number in moved:
            plan.append(number)
            if plan.end > best:
                break
        if plan.end <= best:
            best, chosen = plan.end, moved
    return chosen
