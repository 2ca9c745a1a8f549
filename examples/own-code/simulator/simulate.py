"""usage: python simulate.py SEED [JOBS]: a machine shop over some days; prints the mean delay past the deadline.

Everything that is random comes from SEED: two policies meet the same jobs.
"""

import heapq
import json
import random
import sys

import policy

MACHINES = 3


def main() -> None:
    draw = random.Random(int(sys.argv[1]))
    jobs = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    arrivals, now = [], 0.0
    for _ in range(jobs):
        now += draw.expovariate(1 / 3.6)
        size = draw.lognormvariate(2.0, 0.8)
        arrivals.append((now, size, now + size * draw.uniform(1.5, 8.0)))
    free, waiting, late, place = [0.0] * MACHINES, [], 0.0, 0
    while place < jobs or waiting:
        clock = heapq.heappop(free)
        if not waiting and place < jobs:
            clock = max(clock, arrivals[place][0])
        while place < jobs and arrivals[place][0] <= clock:
            waiting.append(arrivals[place])
            place += 1
        shown = [(size, deadline, clock - came) for came, size, deadline in waiting]
        _, size, deadline = waiting.pop(policy.choose(shown, clock))
        heapq.heappush(free, clock + size)
        late += max(0.0, clock + size - deadline)
    print(json.dumps({"mean_delay": late / jobs}))


if __name__ == "__main__":
    main()
