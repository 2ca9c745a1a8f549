# A rule for spot capacity under a deadline: the option with the largest score is taken. Operators read the comments.
#
# nf: feature is_spot 1 >= 0: the option is spot capacity (offered only while there is some)
# nf: feature is_demand 1 >= 0: the option is capacity on demand; neither: to wait
# nf: feature is_same 1 >= 0: the option is what runs now (or waiting goes on)
# nf: feature restart ticks >= 0: without progress before the option works
# nf: feature price price >= 0: of a tick of the option; 0 for waiting
# nf: feature left ticks >= 1 shared: of work left
# nf: feature time ticks >= 1 shared: until the deadline, this one included
# nf: feature slack ticks shared: that may still be lost before the guard takes over
# nf: feature behind ticks shared: of work that are missing to even progress from start to deadline
# nf: feature has_spot 1 >= 0 shared: there is spot capacity in this tick
# nf: feature lasted ticks >= 1 shared: since spot capacity last came or went
# nf: feature up ticks >= 0 shared: with spot capacity so far
# nf: feature seen ticks >= 1 shared: so far, this one included
# nf: feature changes times >= 0 shared: that spot capacity came or went so far
# nf: feature over ticks >= 1 shared: without progress after each start
# nf: feature work ticks >= 1 shared: of the whole job
# nf: feature deadline ticks >= 1 shared: from start to deadline
#
# nf: rule 2 * is_spot + is_demand * (1 if behind > (-2 * over if is_same else 0) else -1) -- uniform progress
# nf: rule 2 * is_spot + is_demand * (1 if behind > 0 else -1) -- even pace
# nf: rule 2 * is_spot - is_demand -- greedy
# nf: rule is_demand -- on demand


def score(
    is_spot,
    is_demand,
    is_same,
    restart,
    price,
    left,
    time,
    slack,
    behind,
    has_spot,
    lasted,
    up,
    seen,
    changes,
    over,
    work,
    deadline,
):
    """Even pace: spot when there is some; else on demand while behind the even pace, and waiting while ahead."""
    return 2 * is_spot + is_demand * (1 if behind > 0 else -1)
