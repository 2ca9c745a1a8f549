def priority(f):
    """Twice the processing time, the next queue and the work remaining together (after Holthaus and Rajendran)."""
    return f["remaining"] - 2 * f["duration"] - f["next_queue"] - 1000000 * f["wait"]
