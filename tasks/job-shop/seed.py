# A dispatching rule: the operation with the largest priority is next. Operators read the comments below.
#
# nf: feature duration time >= 1: of the waiting operation
# nf: feature remaining time >= 1: work left of its job, this operation included
# nf: feature remaining_ops operations >= 1: left of its job, this one included
# nf: feature done time >= 0: work done of its job
# nf: feature waited time >= 0: since the operation could have started
# nf: feature wait time >= 0: until the operation can start; 0 for all that wait already
# nf: feature next_duration time >= 0: of the job's operation after this one; 0 for the last
# nf: feature next_queue time >= 0: work that waits or will soon wait at the machine after this one
# nf: feature next_count operations >= 0: that wait or will soon wait at the machine after this one
# nf: feature next_left time >= 0: all work left for the machine after this one
# nf: feature bottleneck time >= 0: most work left for any machine that its job must still visit
# nf: feature loaded time >= 0: work left of its job after this operation, each part weighed by its machine's share of the largest load
# nf: feature held time >= 0: work left of all jobs that would have to wait for this operation
# nf: feature slack time >= 0: between the work left of its job and a lower bound of all that is left to do
# nf: feature machine_left time >= 1 shared: all work left for this machine
# nf: feature queue operations >= 1 shared: that may be chosen now
# nf: feature now time >= 0 shared: since the start
#
# nf: rule -f["duration"] / f["remaining"] - 1000000 * f["wait"] -- smallest share of the remaining work
# nf: rule -f["duration"] / f["remaining"] -- the same, and a machine may wait for what comes soon
# nf: rule f["remaining"] - 2 * f["duration"] - f["next_queue"] -- processing time, next queue and work remaining, and a machine may wait
# nf: rule f["remaining"] - 2 * f["duration"] - f["next_queue"] - 1000000 * f["wait"] -- twice the processing time, the next queue and the work remaining together (after Holthaus and Rajendran)
# nf: rule f["remaining_ops"] - 1000000 * f["wait"] -- most operations remaining
# nf: rule -(f["done"] + f["duration"]) / f["remaining"] - 1000000 * f["wait"] -- flow due date over work remaining: smallest first
# nf: rule -f["duration"] / (f["done"] + f["remaining"]) - 1000000 * f["wait"] -- smallest share of the whole job
# nf: rule f["remaining"] - 1000000 * f["wait"] -- most work remaining
# nf: rule -(f["done"] + f["duration"]) - 1000000 * f["wait"] -- earliest flow due date: least work done including this operation
# nf: rule f["waited"] - 1000000 * f["wait"] -- first in, first out
# nf: rule -(f["duration"] + f["next_queue"]) - 1000000 * f["wait"] -- shortest processing time plus work in the next queue
# nf: rule -f["next_queue"] - 1000000 * f["wait"] -- least work in the next queue
# nf: rule -f["duration"] - 1000000 * f["wait"] -- shortest processing time first
# nf: rule f["next_duration"] - 1000000 * f["wait"] -- longest next operation


def priority(f):
    """Smallest share of the remaining work."""
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
