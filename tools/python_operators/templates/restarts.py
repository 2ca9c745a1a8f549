def nf_restarts(vector, worth, gaps, stop, method, starts=12, spread=0.03, again=0, seed=1):
    """A method from several shaken starts: from where it all began, or (`again`) from the best so far."""
    from random import Random
    from time import process_time

    random = Random(seed)
    width = spread * ((max(vector) - min(vector)) or 1.0)
    best, high = list(vector), None
    for number in range(starts):
        if stop and process_time() > stop:
            break
        origin = best if again else vector
        start = [x + random.gauss(0.0, width) for x in origin] if number else list(vector)
        found = method(start, worth, gaps, stop)
        value = worth(found) - (1000.0 * sum(-gap for gap in gaps(found) if gap < 0) if gaps else 0.0)
        if high is None or value > high:
            best, high = found, value
    return best
