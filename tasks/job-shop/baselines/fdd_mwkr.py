def priority(f):
    """Flow due date over work remaining: smallest first."""
    return -(f["done"] + f["duration"]) / f["remaining"] - 1000000 * f["wait"]
