"""Types into the terminal from which the platform was started."""

import fcntl
import os
import sys

print(sys.argv[1], flush=True)
try:
    terminal = os.open("/dev/tty", os.O_RDWR)
    for byte in b"echo typed\n":
        fcntl.ioctl(terminal, 0x5412, bytes([byte]))
except OSError as error:
    print(error)
