"""One file of 200 MiB."""

import sys
import time

print(sys.argv[1], flush=True)
time.sleep(0.1)
with open("big", "wb") as big:
    for _ in range(200):
        big.write(bytes(1 << 20))
        big.flush()
