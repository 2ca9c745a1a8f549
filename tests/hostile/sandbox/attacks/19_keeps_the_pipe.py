"""Ends, but a daemon of it keeps the pipe open."""

import os
import sys
import time

print(sys.argv[1], flush=True)
if os.fork() == 0:
    os.setsid()
    time.sleep(3600)
