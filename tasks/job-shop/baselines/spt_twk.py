def priority(f):
    """Smallest share of the whole job."""
    return -f["duration"] / (f["done"] + f["remaining"]) - 1000000 * f["wait"]
