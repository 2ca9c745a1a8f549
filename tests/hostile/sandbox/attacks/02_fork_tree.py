"""Every process forks two more, seven levels deep."""

import os
import sys
import time

print(sys.argv[1], flush=True)
end = time.monotonic() + 1.5


def grow(depth: int) -> None:
    for _ in range(2 if depth else 0):
        while time.monotonic() < end:
            try:
                if os.fork() == 0:
                    grow(depth - 1)
                    os._exit(0)
                break
            except OSError:
                time.sleep(0.01)
    time.sleep(max(0.0, end - time.monotonic()))


grow(7)
