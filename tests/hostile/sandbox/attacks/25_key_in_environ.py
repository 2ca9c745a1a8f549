"""Reads the environment of every process that it can see."""

import os
import sys

print(sys.argv[1], flush=True)
print(dict(os.environ))
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as opened:
                print(opened.read())
        except OSError:
            pass
