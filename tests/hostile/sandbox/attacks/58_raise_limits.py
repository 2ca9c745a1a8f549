"""Raises its limits as far as it may."""

import resource
import sys
import time

print(sys.argv[1], flush=True)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
for wanted in (hard, 1 << 19):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
    except (OSError, ValueError) as error:
        print(error)
time.sleep(0.3)
