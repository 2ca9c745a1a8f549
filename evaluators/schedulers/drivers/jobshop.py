"""Non-delay schedule generation for job shops: whenever a machine is free and operations wait for it, one starts.

Runs beside the candidate, in its box: what comes out is checked outside. Ties go to the lower job number.
"""


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
    for _ in range(sum(map(len, jobs))):
        now, machine = min(
            (max(free[place], min(ready[number] for number in waiting[place])), place)
            for place in machines
            if waiting[place]
        )
        queue = [number for number in waiting[machine] if ready[number] <= now]
        best, best_priority = -1, None
        for number in queue:
            job, at = jobs[number], step[number]
            duration = job[at][1]
            after = job[at + 1] if at + 1 < len(job) else None
            features = {
                "duration": duration,
                "remaining": left[number],
                "remaining_ops": len(job) - at,
                "done": total[number] - left[number],
                "waited": now - ready[number],
                "next_duration": after[1] if after else 0,
                "next_queue": sum(jobs[other][step[other]][1] for other in waiting[after[0]]) if after else 0,
                "next_left": machine_left[after[0]] if after else 0,
                "machine_left": machine_left[machine],
                "queue": len(queue),
                "now": now,
            }
            value = priority(features)
            if best < 0 or value > best_priority:
                best, best_priority = number, value
        at = step[best]
        duration = jobs[best][at][1]
        starts[best][at] = now
        free[machine] = ready[best] = now + duration
        left[best] -= duration
        machine_left[machine] -= duration
        waiting[machine].remove(best)
        step[best] += 1
        if step[best] < len(jobs[best]):
            waiting[jobs[best][step[best]][0]].append(best)
    return starts
