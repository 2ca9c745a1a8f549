def priority(f):
    """Earliest flow due date: least work done including this operation."""
    return -(f["done"] + f["duration"]) - 1000000 * f["wait"]
