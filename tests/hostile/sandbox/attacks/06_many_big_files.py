"""Thirty files of 6 MiB: each within a limit per file."""

import sys
import time

print(sys.argv[1], flush=True)
time.sleep(0.1)
for number in range(30):
    try:
        with open(f"part{number}", "wb") as part:
            part.write(bytes(6 << 20))
    except OSError:
        pass
time.sleep(0.2)
