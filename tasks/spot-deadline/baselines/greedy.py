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
    """Spot whenever there is some, else wait until the guard takes over."""
    return 2 * is_spot - is_demand
