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
    """Waits while more than half of the slack is left, then keeps the even pace."""
    if is_spot:
        return 2
    if is_demand:
        return 1 if behind > 0 and 2 * slack < deadline - work else -1
    return 0
