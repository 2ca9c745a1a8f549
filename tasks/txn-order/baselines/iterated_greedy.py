"""Iterated greedy: takes a few transactions out and puts each back at the best of all places, which heads and tails tell
at once (Ruiz and Stützle, 2007, with the insertion of Taillard, 1990)."""

import math
import random

STEPS = 20_000_000
"""Pairs in conflict that are looked at: about a second."""


def conflicts(transactions):
    """Per transaction, for each other in conflict: how long after the other's start it may start, and the reverse."""
    users = {}
    for number, transaction in enumerate(transactions):
        for place, (kind, key) in enumerate(transaction):
            users.setdefault(key, []).append((number, place, kind))
    after = [{} for _ in transactions]
    for accesses in users.values():
        for one, first, kind in accesses:
            for other, second, also in accesses:
                if one != other and (kind or also):
                    lag = first + 1 - second
                    if after[other].get(one, -99999) < lag:
                        after[other][one] = lag
    before = [{} for _ in transactions]
    for number, mine in enumerate(after):
        for other, lag in mine.items():
            before[other][number] = lag
    return [list(one.items()) for one in after], [list(one.items()) for one in before]


class Shop:
    """Of any order the makespan is the longest path through the lags between transactions in conflict: whoever is put in
    changes no path but those through itself."""

    def __init__(self, transactions):
        self.length = [len(one) for one in transactions]
        self.after, self.before = conflicts(transactions)
        self.count = len(transactions)
        self.spent = self.count * 20

    def heads(self, order):
        """Earliest starts; None for who is not in the order."""
        start = [None] * self.count
        for number in order:
            at = 0
            for other, lag in self.after[number]:
                begun = start[other]
                if begun is not None and begun + lag > at:
                    at = begun + lag
            start[number] = at
            self.spent += len(self.after[number])
        return start

    def tails(self, order):
        """From a start to the end of all that follows."""
        tail = [None] * self.count
        for number in reversed(order):
            rest = self.length[number]
            for other, lag in self.before[number]:
                later = tail[other]
                if later is not None and later + lag > rest:
                    rest = later + lag
            tail[number] = rest
            self.spent += len(self.before[number])
        return tail

    def insert(self, order, number, draw):
        """Puts it where the longest path through it is shortest."""
        start, tail = self.heads(order), self.tails(order)
        place = {one: at for at, one in enumerate(order)}
        count = len(order)
        head_at = [0] * (count + 1)
        tail_at = [self.length[number]] * (count + 1)
        for other, lag in self.after[number]:
            if start[other] is not None:
                at = place[other] + 1
                if start[other] + lag > head_at[at]:
                    head_at[at] = start[other] + lag
        for other, lag in self.before[number]:
            if tail[other] is not None:
                at = place[other]
                if tail[other] + lag > tail_at[at]:
                    tail_at[at] = tail[other] + lag
        for at in range(1, count + 1):
            if head_at[at - 1] > head_at[at]:
                head_at[at] = head_at[at - 1]
        for at in range(count - 1, -1, -1):
            if tail_at[at + 1] > tail_at[at]:
                tail_at[at] = tail_at[at + 1]
        self.spent += count * 2
        through = list(map(int.__add__, head_at, tail_at))
        least = min(through)
        at = draw.choice([one for one, value in enumerate(through) if value == least])
        order.insert(at, number)

    def end(self, order):
        start = self.heads(order)
        return max(start[number] + self.length[number] for number in order)


OUT = 3
"""At most so many are taken out at once."""
WARMTH = 0.005
"""Of the best makespan: by how much a worse order may be gone on with."""


def search(transactions):
    draw = random.Random(1)
    shop = Shop(transactions)
    order = []
    for number in sorted(range(shop.count), key=lambda one: -len(shop.after[one])):
        shop.insert(order, number, draw)
    now = best = shop.end(order)
    chosen = list(order)
    while shop.spent < STEPS:
        changed = list(order)
        taken = draw.sample(changed, draw.randint(1, OUT))
        for number in taken:
            changed.remove(number)
        for number in taken:
            shop.insert(changed, number, draw)
        end = shop.end(changed)
        if end <= now or draw.random() < math.exp((now - end) / (WARMTH * best)):
            order, now = changed, end
            if end < best:
                best, chosen = end, list(changed)
    return chosen


def order(instance):
    return search(instance["transactions"])
