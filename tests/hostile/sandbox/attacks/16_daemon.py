"""Forks twice into a session of its own, and lives on."""

import os
import sys
import time

print(sys.argv[1], flush=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        time.sleep(5)
    os._exit(0)
time.sleep(0.1)
