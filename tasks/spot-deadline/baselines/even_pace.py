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
    if is_spot:
        return 2
    if is_demand:
        return 1 if behind > 0 else -1
    return 0
