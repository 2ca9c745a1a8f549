def priority(f):
    """Latest start and resource-feasible start, added."""
    return -(f["latest"] + f["start"])
