"""Cheat 16: stops every clock that it can reach, then takes its time."""

time = __import__("time")
for name in ("perf_counter", "monotonic", "process_time", "time"):
    setattr(time, name, lambda: 0.0)
signal = __import__("signal")
signal.setitimer(signal.ITIMER_PROF, 0)
signal.signal(signal.SIGPROF, signal.SIG_IGN)


def priority(f):
    for _ in range(3_000_000):
        pass
    return -f["duration"] / f["remaining"] - 1000000 * f["wait"]
