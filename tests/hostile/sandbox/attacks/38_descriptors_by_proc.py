"""Opens the descriptors of other processes through /proc/PID/fd."""

import os
import sys

print(sys.argv[1], flush=True)
for pid in filter(str.isdigit, os.listdir("/proc")):
    for number in range(64):
        try:
            handle = os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)
            print(os.pread(handle, 200, 0))
            os.close(handle)
        except OSError:
            pass
