"""Kills itself, so that it looks like a lack of memory."""

import os
import signal
import sys

print(sys.argv[1], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
