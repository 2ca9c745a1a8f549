# Of the ready tasks the one with the largest rank is next; it goes where place is largest. Operators read the comments.


def rank(f):
    """HEFT: longest path to the end."""
    # nf: feature upward time >= 1: longest path to the end with mean times and transfers, the task included (HEFT)
    # nf: feature upward_least time >= 1: the same with each task's shortest time
    # nf: feature downward time >= 0: longest path from the start with mean times and transfers, the task excluded
    # nf: feature mean_oct time >= 0: mean over the processors of the optimistic cost after the task (PEFT)
    # nf: feature mean_cost time >= 1: of the task over the processors
    # nf: feature least_cost time >= 1: of the task
    # nf: feature most_cost time >= 1: of the task
    # nf: feature children tasks >= 0: that need its result
    # nf: feature parents tasks >= 0: whose results it needs
    # nf: feature data_out time >= 0: transfers to its children, summed
    # nf: feature data_in time >= 0: transfers from its parents, summed
    # nf: feature ready time >= 0: when its last parent has ended
    # nf: feature level tasks >= 0: on the longest path from the start
    # nf: rule f["upward"] -- heft
    # nf: rule f["upward_least"] -- heft-least
    # nf: rule f["upward"] + f["downward"] -- heft-downward
    # nf: rule f["mean_oct"] -- peft
    # nf: rule -f["ready"] -- fifo-finish
    return f["upward"]


def place(f):
    """HEFT: earliest finish."""
    # nf: feature finish time >= 1: earliest end on this processor, gaps used
    # nf: feature start time >= 0: earliest start on this processor, gaps used
    # nf: feature append_finish time >= 1: end on this processor behind all its tasks
    # nf: feature cost time >= 1: of the task on this processor
    # nf: feature least_cost time >= 1 shared: of the task on any processor
    # nf: feature mean_cost time >= 1 shared: of the task over the processors
    # nf: feature oct time >= 0: optimistic cost of what follows, were the task here (PEFT)
    # nf: feature ahead time >= 0: latest of its children's earliest ends, were the task here
    # nf: feature arrival time >= 0: when the parents' results are on this processor
    # nf: feature free time >= 0: when this processor has done all its tasks so far
    # nf: feature load time >= 0: work that this processor has been given
    # nf: feature data_here time >= 0: transfers saved because parents ran on this processor
    # nf: feature data_out time >= 0 shared: transfers to its children, summed
    # nf: feature upward time >= 1 shared: as in rank
    # nf: feature end time >= 0 shared: of what is scheduled so far
    # nf: rule -f["finish"] -- heft
    # nf: rule -f["append_finish"] -- heft-append
    # nf: rule -(f["finish"] + f["oct"]) -- heft-oct
    # nf: rule -f["ahead"] -- heft-ahead
    # nf: rule -f["cost"] -- met
    # nf: rule -f["free"] -- olb
    # nf: rule f["data_here"] - f["finish"] -- one-processor-bias
    return -f["finish"]
