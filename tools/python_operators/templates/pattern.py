def nf_pattern(vector, worth, gaps, stop, step=0.05, least=1e-9, weight=100.0):
    """One number after another to either side, steps halved when none helps (Hooke and Jeeves 1961)."""
    from time import process_time

    def value(v):
        return worth(v) - (weight * sum(-gap for gap in gaps(v) if gap < 0) if gaps else 0.0)

    best = list(vector)
    high = value(best)
    while step > least:
        found = False
        for place in range(len(best)):
            for move in (step, -step):
                if stop and process_time() > stop:
                    return best
                kept = best[place]
                best[place] = kept + move
                now = value(best)
                if now > high:
                    high, found = now, True
                    break
                best[place] = kept
        if not found:
            step *= 0.5
    return best
