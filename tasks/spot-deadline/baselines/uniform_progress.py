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
    """Uniform progress (Wu et al., 2024): as the even pace, but on demand is kept until the pace leads by two restarts."""
    if is_spot:
        return 2
    if is_demand:
        return 1 if behind > (-2 * over if is_same else 0) else -1
    return 0
