"""Forks sleepers up to a number, as fast as it can."""

import os
import sys
import time

print(sys.argv[1], flush=True)
for _ in range(int(sys.argv[2])):
    try:
        if os.fork() == 0:
            time.sleep(2)
            os._exit(0)
    except OSError:
        time.sleep(0.005)
time.sleep(0.5)
