"""Appends the best of five drawn transactions (the seed program of the ADRS problem)."""

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


def order(instance):
    transactions = instance["transactions"]
    draw = random.Random(1)
    plan = Plan(transactions)
    left = list(range(len(transactions)))
    chosen = []
    while left:
        some = draw.sample(left, min(5, len(left)))
        best = min(some, key=lambda number: plan.start(number) + len(transactions[number]))
        plan.append(best)
        chosen.append(best)
        left.remove(best)
    return chosen
