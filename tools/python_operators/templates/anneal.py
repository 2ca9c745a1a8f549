def nf_anneal(vector, worth, gaps, stop, steps=20000, hot=0.01, cold=1e-06, size=0.05, weight=10.0, seed=1):
    """Simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983): one number at a time, steps smaller as it cools."""
    from math import exp
    from random import Random
    from time import process_time

    def value(v):
        return worth(v) - (weight * sum(-gap for gap in gaps(v) if gap < 0) if gaps else 0.0)

    random = Random(seed)
    here = list(vector)
    now = high = value(here)
    best = here[:]
    for number in range(steps):
        if stop and process_time() > stop:
            break
        heat = hot * (cold / hot) ** (number / steps)
        place = random.randrange(len(here))
        kept = here[place]
        here[place] = kept + random.gauss(0.0, size * (heat / hot) ** 0.5)
        after = value(here)
        if after >= now or random.random() < exp((after - now) / heat):
            now = after
            if now > high:
                best, high = here[:], now
        else:
            here[place] = kept
    return best
