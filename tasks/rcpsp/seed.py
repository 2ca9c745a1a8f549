# A priority rule: of the eligible activities the one with the largest priority is placed next. Operators read the
# comments below.
#
# nf: feature duration time >= 1: of the activity
# nf: feature successors activities >= 0: that follow it at once
# nf: feature all_successors activities >= 0: that follow it at once or later
# nf: feature tail time >= 0: longest path from its end to the end of the project
# nf: feature rank_weight time >= 1: its duration and those of its immediate successors
# nf: feature all_weight time >= 1: its duration and those of all its successors
# nf: feature earliest time >= 0: when its predecessors, as scheduled, have ended
# nf: feature start time >= 0: earliest start at which resources suffice, too: where it would be placed
# nf: feature latest time >= 0: latest start that keeps the critical path's length, without resources
# nf: feature slack time >= 0: between earliest and latest start, without resources
# nf: feature demand permille >= 0: of the capacities, summed over the resources
# nf: feature peak permille >= 0: of the capacity it needs most of
# nf: feature energy time >= 0: duration times demand, as a share of the capacities
# nf: feature next_demand permille >= 0: demand of its immediate successors, summed
# nf: feature end time >= 0 shared: of what is scheduled so far
# nf: feature eligible activities >= 1 shared: that could be scheduled now
# nf: feature left activities >= 1 shared: not yet scheduled, this one included
#
# nf: rule -f["earliest"] -- earliest start with respect to precedence
# nf: rule -f["start"] -- earliest start at which resources suffice: what parallel generation does
# nf: rule f["energy"] -- greatest resource demand: duration times share of the capacities
# nf: rule f["rank_weight"] -- greatest rank positional weight: duration with those of the immediate successors
# nf: rule f["all_weight"] -- greatest rank positional weight with all successors
# nf: rule -(f["latest"] + f["duration"]) -- earliest latest finish
# nf: rule f["tail"] + f["duration"] -- longest path to the end, the activity included
# nf: rule f["duration"] -- longest processing time first
# nf: rule -f["latest"] -- earliest latest start
# nf: rule -(f["latest"] + f["start"]) -- latest start and resource-feasible start, added
# nf: rule f["successors"] -- most immediate successors
# nf: rule -(f["latest"] - f["earliest"]) -- least slack, from the start so far
# nf: rule f["all_successors"] -- most successors in all
# nf: rule -f["duration"] -- shortest processing time first
# nf: rule -f["slack"] -- least slack of the critical path method
# nf: rule -(f["latest"] - f["start"]) -- least slack at the resource-feasible start (in the manner of worst case slack)


def priority(f):
    """Earliest latest start."""
    return -f["latest"]
