"""Stops its parent: who holds the clock sleeps."""

import os
import signal
import sys
import time

print(sys.argv[1], flush=True)
for pid in {os.getppid(), int(sys.argv[2]), 1}:
    try:
        os.kill(pid, signal.SIGSTOP)
    except OSError as error:
        print(error)
time.sleep(1.5)
