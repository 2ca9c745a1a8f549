"""Kills all that it may."""

import os
import signal
import sys

print(sys.argv[1], flush=True)
os.kill(-1, signal.SIGKILL)
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) > 1:
        try:
            os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass
