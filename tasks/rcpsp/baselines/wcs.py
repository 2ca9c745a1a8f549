def priority(f):
    """Least slack at the resource-feasible start (in the manner of worst case slack)."""
    return -(f["latest"] - f["start"])
