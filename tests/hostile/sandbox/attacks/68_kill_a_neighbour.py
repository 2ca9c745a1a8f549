"""Kills the other candidates that run at the same time."""

import os
import signal
import sys
import time

print(sys.argv[1], flush=True)
if sys.argv[2] == "victim":
    time.sleep(1.5)
    sys.exit(0)
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        words = open(f"/proc/{pid}/cmdline").read().split("\0")
        if "victim" in words and int(pid) != os.getpid():
            os.kill(int(pid), signal.SIGKILL)
    except OSError:
        pass
