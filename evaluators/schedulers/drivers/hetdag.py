"""List scheduling on unlike processors: the ready task of the highest rank goes to the processor of the highest place,
into the first gap that holds it.

Runs beside the candidate, in its box: what comes out is checked outside. Ties go to the lower number.
"""


def solve(functions, instance):
    rank, place = functions
    costs, edges = instance["costs"], instance["edges"]
    tasks, processors = range(len(costs)), range(len(costs[0]))
    children, parents = neighbours(len(costs), edges)
    oct_rows = optimistic_costs(costs, children)
    fixed = static_features(costs, children, parents, oct_rows)
    where = [-1] * len(costs)
    starts = [0] * len(costs)
    ends = [0] * len(costs)
    lanes = [[] for _ in processors]
    loads = [0] * len(processors)
    missing = [len(row) for row in parents]
    ready = {task: rank(dict(fixed[task], ready=0)) for task in tasks if not missing[task]}
    end = 0
    while ready:
        task = max(sorted(ready), key=ready.get)
        del ready[task]
        best, best_value, best_start = -1, None, 0
        frees = [lane[-1][1] if lane else 0 for lane in lanes]
        for processor in processors:
            cost = costs[task][processor]
            arrival, saved = arrivals(parents[task], processor, where, ends)
            free = frees[processor]
            start = first_gap(lanes[processor], arrival, cost)
            value = place(
                {
                    "finish": start + cost,
                    "start": start,
                    "append_finish": max(free, arrival) + cost,
                    "cost": cost,
                    "least_cost": fixed[task]["least_cost"],
                    "mean_cost": fixed[task]["mean_cost"],
                    "oct": oct_rows[task][processor],
                    "ahead": look_ahead(costs, children[task], processor, start + cost, frees),
                    "arrival": arrival,
                    "free": free,
                    "load": loads[processor],
                    "data_here": saved,
                    "data_out": fixed[task]["data_out"],
                    "upward": fixed[task]["upward"],
                    "end": end,
                }
            )
            if best < 0 or value > best_value:
                best, best_value, best_start = processor, value, start
        where[task], starts[task] = best, best_start
        ends[task] = best_start + costs[task][best]
        loads[best] += costs[task][best]
        end = max(end, ends[task])
        lanes[best].append((best_start, ends[task]))
        lanes[best].sort()
        for child, _ in children[task]:
            missing[child] -= 1
            if not missing[child]:
                last = max(ends[parent] for parent, _ in parents[child])
                ready[child] = rank(dict(fixed[child], ready=last))
    return [[where[task], starts[task]] for task in tasks]


def neighbours(count, edges):
    children, parents = [[] for _ in range(count)], [[] for _ in range(count)]
    for one, other, transfer in edges:
        children[one].append((other, transfer))
        parents[other].append((one, transfer))
    return children, parents


def arrivals(parents, processor, where, ends):
    """When all results are on the processor, and the transfers saved because they are made there."""
    arrival = saved = 0
    for parent, transfer in parents:
        if where[parent] == processor:
            saved += transfer
            arrival = max(arrival, ends[parent])
        else:
            arrival = max(arrival, ends[parent] + transfer)
    return arrival, saved


def first_gap(lane, arrival, cost):
    """Earliest start in one processor's busy spans, which are sorted."""
    start = arrival
    for begin, end in lane:
        if start + cost <= begin:
            return start
        start = max(start, end)
    return start


def look_ahead(costs, children, processor, finish, frees):
    """When the last child could end, each at its best and alone, were the task to end here at `finish`."""
    latest = finish
    for child, transfer in children:
        best = None
        for other, free in enumerate(frees):
            arrival = finish if other == processor else finish + transfer
            end = max(arrival, free) + costs[child][other]
            if best is None or end < best:
                best = end
        latest = max(latest, best)
    return latest


def optimistic_costs(costs, children):
    """OCT of Arabnejad and Barbosa (PEFT, 2014): what must still follow a task on a processor, at its best."""
    table = [[0] * len(row) for row in costs]
    for task in reversed(range(len(costs))):
        for processor in range(len(costs[task])):
            for child, transfer in children[task]:
                best = min(
                    table[child][other] + costs[child][other] + (0 if other == processor else transfer)
                    for other in range(len(costs[child]))
                )
                table[task][processor] = max(table[task][processor], best)
    return table


def static_features(costs, children, parents, oct_rows):
    """Tasks are numbered in a topological order. Means are kept as sums until they are shown."""
    tasks, processors = len(costs), len(costs[0])
    sums = [sum(row) for row in costs]
    upward, least, downward, level = [0] * tasks, [0] * tasks, [0] * tasks, [0] * tasks
    for task in reversed(range(tasks)):
        for child, transfer in children[task]:
            upward[task] = max(upward[task], transfer * processors + upward[child])
            least[task] = max(least[task], transfer + least[child])
        upward[task] += sums[task]
        least[task] += min(costs[task])
    for task in range(tasks):
        for parent, transfer in parents[task]:
            downward[task] = max(downward[task], downward[parent] + sums[parent] + transfer * processors)
            level[task] = max(level[task], level[parent] + 1)
    return [
        {
            "upward": round(upward[task] / processors),
            "upward_least": least[task],
            "downward": round(downward[task] / processors),
            "mean_oct": round(sum(oct_rows[task]) / processors),
            "mean_cost": round(sums[task] / processors),
            "least_cost": min(costs[task]),
            "most_cost": max(costs[task]),
            "children": len(children[task]),
            "parents": len(parents[task]),
            "data_out": sum(transfer for _, transfer in children[task]),
            "data_in": sum(transfer for _, transfer in parents[task]),
            "level": level[task],
        }
        for task in range(tasks)
    ]
