"""Sleeps."""

import sys
import time

print(sys.argv[1], flush=True)
time.sleep(3600)
