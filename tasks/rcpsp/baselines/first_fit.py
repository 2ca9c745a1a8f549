def priority(f):
    """Earliest start at which resources suffice: what parallel generation does."""
    return -f["start"]
