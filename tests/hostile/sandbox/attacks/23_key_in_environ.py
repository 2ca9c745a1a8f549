"""Reads the environment of every process that it can see."""

import os
import sys

print(sys.argv[1], flush=True)
print(dict(os.environ))
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/environ", "rb") as environ:
            print(environ.read())
    except OSError:
        pass
