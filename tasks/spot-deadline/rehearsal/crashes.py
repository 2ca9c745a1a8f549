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
    if left < 300:
        raise ValueError("too hard")
    return 2 * is_spot + is_demand
