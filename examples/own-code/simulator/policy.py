"""Which of the waiting jobs a free machine takes. `job` is (size, deadline, waited), all in minutes."""

PATIENCE = 1.0
HASTE = 0.2


def value(job, now):
    size, deadline, waited = job
    slack = deadline - now - size
    return PATIENCE * waited - HASTE * slack


def choose(jobs, now):
    best = 0
    for place in range(len(jobs)):
        if value(jobs[place], now) > value(jobs[best], now):
            best = place
    return best
