def priority(f):
    """Greatest rank positional weight with all successors."""
    return f["all_weight"]
