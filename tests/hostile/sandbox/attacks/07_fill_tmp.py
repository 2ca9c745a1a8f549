"""Fills /tmp: up to 50 MiB."""

import os
import sys
import time

print(sys.argv[1], flush=True)
time.sleep(0.1)
folder = f"/tmp/{sys.argv[1]}"
os.makedirs(folder)
try:
    for number in range(50):
        with open(f"{folder}/{number}", "wb") as part:
            part.write(bytes(1 << 20))
except OSError:
    pass
time.sleep(0.2)
for number in range(50):
    try:
        os.unlink(f"{folder}/{number}")
    except OSError:
        pass
