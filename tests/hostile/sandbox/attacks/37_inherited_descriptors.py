"""Reads every descriptor that it was born with."""

import os
import sys

print(sys.argv[1], flush=True)
for number in range(3, 400):
    try:
        print(number, os.pread(number, 200, 0))
    except OSError:
        pass
