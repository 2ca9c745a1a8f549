def priority(f):
    """Shortest processing time plus work in the next queue."""
    return -(f["duration"] + f["next_queue"]) - 1000000 * f["wait"]
