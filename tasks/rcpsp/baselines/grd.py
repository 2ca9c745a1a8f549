def priority(f):
    """Greatest resource demand: duration times share of the capacities."""
    return f["energy"]
