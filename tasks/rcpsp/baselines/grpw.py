def priority(f):
    """Greatest rank positional weight: duration with those of the immediate successors."""
    return f["rank_weight"]
