"""Serial schedule generation: the eligible activity that the rule likes best starts as early as resources allow.

Runs beside the candidate, in its box: what comes out is checked outside. Ties go to the lower activity number.
"""


def solve(functions, instance):
    priority = functions[0]
    durations, successors = instance["durations"], instance["successors"]
    demands, capacities = instance["demands"], instance["capacities"]
    count = len(durations)
    fixed, missing = static_features(durations, successors, demands, capacities)
    free = [[capacity] * (sum(durations) + 1) for capacity in capacities]
    needs = [[(free[at], need) for at, need in enumerate(row) if need] for row in demands]
    earliest = [0] * count
    starts = [0] * count
    places = {}
    end = 0
    eligible = [activity for activity in range(count) if not missing[activity]]
    for left in range(count, 0, -1):
        best, best_value = -1, None
        for activity in eligible:
            if activity not in places:
                places[activity] = first_fit(needs[activity], earliest[activity], durations[activity])
            features = dict(fixed[activity])
            features["earliest"] = earliest[activity]
            features["start"] = places[activity]
            features["end"] = end
            features["eligible"] = len(eligible)
            features["left"] = left
            value = priority(features)
            if best < 0 or value > best_value:
                best, best_value = activity, value
        start = places.pop(best)
        until = start + durations[best]
        starts[best] = start
        end = max(end, until)
        for row, need in needs[best]:
            for time in range(start, until):
                row[time] -= need
        eligible.remove(best)
        # Capacity only shrinks, so a place stays the first one unless the new activity stands in it.
        for activity, place in list(places.items()):
            if place < until and start < place + durations[activity]:
                places[activity] = first_fit(needs[activity], place, durations[activity])
        for follower in successors[best]:
            earliest[follower] = max(earliest[follower], until)
            missing[follower] -= 1
            if not missing[follower]:
                eligible.append(follower)
        eligible.sort()
    return starts


def first_fit(needs, start, duration):
    until = start
    while until < start + duration:
        for row, need in needs:
            if row[until] < need:
                start = until + 1
                break
        until += 1
    return start


def static_features(durations, successors, demands, capacities):
    count = len(durations)
    after = [set() for _ in range(count)]
    tails = [0] * count
    heads = [0] * count
    missing = [0] * count
    for activity in reversed(range(count)):
        for follower in successors[activity]:
            after[activity] |= after[follower] | {follower}
            tails[activity] = max(tails[activity], tails[follower] + durations[follower])
    for activity in range(count):
        for follower in successors[activity]:
            missing[follower] += 1
            heads[follower] = max(heads[follower], heads[activity] + durations[activity])
    critical = max(head + duration + tail for head, duration, tail in zip(heads, durations, tails))
    shares = [[1000 * need // capacity for need, capacity in zip(row, capacities)] for row in demands]
    fixed = []
    for activity in range(count):
        duration = durations[activity]
        latest = critical - tails[activity] - duration
        fixed.append(
            {
                "duration": duration,
                "successors": len(successors[activity]),
                "all_successors": len(after[activity]),
                "tail": tails[activity],
                "rank_weight": duration + sum(durations[follower] for follower in successors[activity]),
                "all_weight": duration + sum(durations[follower] for follower in after[activity]),
                "latest": latest,
                "slack": latest - heads[activity],
                "demand": sum(shares[activity]),
                "peak": max(shares[activity]),
                "energy": duration * sum(shares[activity]) // 1000,
                "next_demand": sum(sum(shares[follower]) for follower in successors[activity]),
            }
        )
    return fixed, missing
