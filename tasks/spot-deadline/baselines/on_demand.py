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
    """On demand from start to end."""
    return is_demand
