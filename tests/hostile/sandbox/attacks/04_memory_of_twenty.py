"""Twenty children take 80 MiB each: no single one is over a limit per process."""

import os
import sys
import time

print(sys.argv[1], flush=True)
for _ in range(20):
    if os.fork() == 0:
        block = b"x" * (80 << 20)
        time.sleep(0.8)
        os._exit(0)
for _ in range(20):
    os.wait()
