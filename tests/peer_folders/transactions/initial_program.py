# EVOLVE-BLOCK-START
def get_costs(workloads, count):
    orders = [sorted(range(count), key=lambda one: -workload["lengths"][one]) for workload in workloads]
    return sum(cost(workload, order) for workload, order in zip(workloads, orders)), orders


# EVOLVE-BLOCK-END


def cost(workload, order):
    ends = {}
    for one in order:
        before = [ends.get(b if a == one else a, 0) for a, b in workload["conflicts"] if one in (a, b)]
        ends[one] = max(before, default=0) + workload["lengths"][one]
    return max(ends.values())
