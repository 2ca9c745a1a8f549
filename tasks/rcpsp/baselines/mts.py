def priority(f):
    """Most successors in all."""
    return f["all_successors"]
