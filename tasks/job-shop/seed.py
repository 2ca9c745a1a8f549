# A dispatching rule: the operation with the largest priority starts. Operators read the comments below.
#
# nf: feature duration time >= 1: of the waiting operation
# nf: feature remaining time >= 1: work left of its job, this operation included
# nf: feature remaining_ops operations >= 1: left of its job, this one included
# nf: feature done time >= 0: work done of its job
# nf: feature waited time >= 0: since the operation could have started
# nf: feature next_duration time >= 0: of the job's operation after this one; 0 for the last
# nf: feature next_queue time >= 0: work that waits or will soon wait at the machine after this one
# nf: feature next_left time >= 0: all work left for the machine after this one
# nf: feature machine_left time >= 1 shared: all work left for this machine
# nf: feature queue operations >= 1 shared: that wait here now
# nf: feature now time >= 0 shared: since the start
#
# nf: rule -f["duration"] / f["remaining"] -- smallest share of the remaining work
# nf: rule f["remaining"] - 2 * f["duration"] - f["next_queue"] -- twice the processing time, the next queue and the work remaining together (after Holthaus and Rajendran)
# nf: rule f["remaining_ops"] -- most operations remaining
# nf: rule -(f["done"] + f["duration"]) / f["remaining"] -- flow due date over work remaining: smallest first
# nf: rule -f["duration"] / (f["done"] + f["remaining"]) -- smallest share of the whole job
# nf: rule f["remaining"] -- most work remaining
# nf: rule -(f["done"] + f["duration"]) -- earliest flow due date: least work done including this operation
# nf: rule f["waited"] -- first in, first out
# nf: rule -(f["duration"] + f["next_queue"]) -- shortest processing time plus work in the next queue
# nf: rule -f["next_queue"] -- least work in the next queue
# nf: rule -f["duration"] -- shortest processing time first
# nf: rule f["next_duration"] -- longest next operation


def priority(f):
    """Smallest share of the remaining work."""
    return -f["duration"] / f["remaining"]
