"""Schedule generation for job shops: whenever a machine is free and operations wait for it, one is chosen.

Among those that wait stand those that will come within a third of the time until the first of them could be done
(parametrised active schedules: Storer, Wu and Vaccari, 1992; Bierwirth and Mattfeld, 1999): a rule may keep the machine
free for one of these, or put 1000000 * wait against them and never do (non-delay).
Runs beside the candidate, in its box: what comes out is checked outside. Ties go to what came to the machine first; the
rule is not asked where there is no choice.
"""

PATIENCE = 3
"""One over the part of that time."""


def solve(functions, instance):
    priority = functions[0]
    jobs = instance["jobs"]
    machines = range(instance["machines"])
    left = [sum(duration for _, duration in job) for job in jobs]
    total = list(left)
    machine_left = [0] * instance["machines"]
    for job in jobs:
        for machine, duration in job:
            machine_left[machine] += duration
    step = [0] * len(jobs)
    ready = [0] * len(jobs)
    free = [0] * instance["machines"]
    starts = [[0] * len(job) for job in jobs]
    waiting = [[] for _ in machines]
    for number, job in enumerate(jobs):
        waiting[job[0][0]].append(number)
    soonest = [0 if waiting[place] else None for place in machines]
    shop = jobs, step, ready, left, total, machine_left, waiting, free
    for _ in range(sum(map(len, jobs))):
        now, machine = min((time, place) for place, time in enumerate(soonest) if time is not None)
        queue = waiting[machine]
        if len(queue) > 1:
            first = min(max(now, ready[number]) + jobs[number][step[number]][1] for number in queue)
            limit = now + (first - now - 1) // PATIENCE
            queue = [number for number in queue if ready[number] <= limit]
        best = queue[0] if len(queue) == 1 else chosen(priority, shop, machine, now, queue)
        at = step[best]
        duration = jobs[best][at][1]
        starts[best][at] = max(now, ready[best])
        free[machine] = ready[best] = starts[best][at] + duration
        left[best] -= duration
        machine_left[machine] -= duration
        waiting[machine].remove(best)
        soonest[machine] = None
        if waiting[machine]:
            soonest[machine] = max(free[machine], min(ready[number] for number in waiting[machine]))
        step[best] += 1
        if step[best] < len(jobs[best]):
            place = jobs[best][step[best]][0]
            waiting[place].append(best)
            time = max(free[place], ready[best])
            if soonest[place] is None or time < soonest[place]:
                soonest[place] = time
    return starts


def chosen(priority, shop, machine, now, queue):
    """The job of the queue with the largest priority."""
    jobs, step, ready, left, total, machine_left, waiting, free = shop
    most = max(machine_left)
    horizon = max(now + max(left), *(max(now, time) + load for time, load in zip(free, machine_left)))
    best, best_priority = -1, None
    for number in queue:
        job, at = jobs[number], step[number]
        duration = job[at][1]
        came, remaining = ready[number], left[number]
        end = max(now, came) + duration
        next_duration = next_queue = next_count = next_left = bottleneck = loaded = 0
        if at + 1 < len(job):
            place, next_duration = job[at + 1]
            next_left = machine_left[place]
            next_count = len(waiting[place])
            for other in waiting[place]:
                next_queue += jobs[other][step[other]][1]
            for place, length in job[at + 1 :]:
                load = machine_left[place]
                loaded += load * length
                if load > bottleneck:
                    bottleneck = load
        held = 0
        for other in waiting[machine]:
            if ready[other] < end:
                held += left[other]
        value = priority(
            {
                "duration": duration,
                "remaining": remaining,
                "remaining_ops": len(job) - at,
                "done": total[number] - remaining,
                "waited": now - came if came < now else 0,
                "wait": came - now if came > now else 0,
                "next_duration": next_duration,
                "next_queue": next_queue,
                "next_count": next_count,
                "next_left": next_left,
                "bottleneck": bottleneck,
                "loaded": loaded // most,
                "held": held - remaining,
                "slack": max(0, horizon - now - remaining),
                "machine_left": machine_left[machine],
                "queue": len(queue),
                "now": now,
            }
        )
        if best < 0 or value > best_priority:
            best, best_priority = number, value
    return best
