"""Ignores every signal that it can."""

signal = __import__("signal")


def pack(circles, seconds):
    for number in range(1, 32):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    signal.setitimer(signal.ITIMER_PROF, 0)
    while True:
        pass
