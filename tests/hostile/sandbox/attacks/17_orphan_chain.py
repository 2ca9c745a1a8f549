"""Forks and exits for ever: its process id is never the one that was listed."""

import os
import sys
import time

print(sys.argv[1], flush=True)
if os.fork():
    time.sleep(0.2)
    os._exit(0)
os.setsid()
null = os.open("/dev/null", os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(null, number)
end = time.monotonic() + 4
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    time.sleep(0.003)
