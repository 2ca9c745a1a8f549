"""Makes a device node of its own."""

import os
import sys
import time

print(sys.argv[1], flush=True)
for number in (8, 9):
    try:
        os.mknod(f"device{number}", 0o20666, os.makedev(1, number))
    except OSError as error:
        print(error)
time.sleep(0.3)
