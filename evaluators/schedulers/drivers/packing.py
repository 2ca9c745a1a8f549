"""Packs an item into the open bin with the largest score; ties go to the fuller bin.

Runs beside the candidate, in its box, and knows of the items what has come so far. One bin of each room is scored, the
oldest: equal rooms are interchangeable.
"""

from heapq import heappop, heappush


def begin(functions, facts):
    score = functions[0]
    capacity = facts["capacity"]
    open_bins = [[] for _ in range(capacity + 1)]
    rooms = []
    totals = [0, 0, 0]

    def decide(item):
        bins, seen, volume = totals
        best, best_score = capacity, None
        for room in rooms:
            if room < item:
                continue
            here = open_bins[room]
            left = room - item
            there = len(open_bins[left]) if left else 0
            value = score(item, room, left, len(here), there, here[0], bins, seen, volume, capacity)
            if best_score is None or value > best_score:
                best, best_score = room, value
        left = capacity - item
        value = score(item, capacity, left, 0, len(open_bins[left]), bins, bins, seen, volume, capacity)
        if best_score is None or value > best_score:
            best = capacity
        if best == capacity:
            number = bins
            totals[0] += 1
        else:
            number = heappop(open_bins[best])
            if not open_bins[best]:
                rooms.remove(best)
        left = best - item
        if left and not open_bins[left]:
            rooms.append(left)
            rooms.sort()
        heappush(open_bins[left], number)
        totals[1] += 1
        totals[2] += item
        return best

    return decide
