"""Closes its pipes and runs on: the end of a pipe is not the end of a process."""

import os
import sys
import time

print(sys.argv[1], flush=True)
for number in (0, 1, 2):
    os.close(number)
time.sleep(3600)
