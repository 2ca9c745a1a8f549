"""Puts itself before everybody else."""

import os
import sys
import time

print(sys.argv[1], flush=True)
for wanted in (-10, -1):
    try:
        os.setpriority(os.PRIO_PROCESS, 0, wanted)
        break
    except OSError as error:
        print(error)
time.sleep(0.3)
