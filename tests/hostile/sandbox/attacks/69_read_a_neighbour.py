"""Reads what a candidate beside it was given."""

import os
import sys
import time

print(sys.argv[1], flush=True)
if sys.argv[2] == "victim":
    with open("notes", "w") as notes, open(f"/tmp/{sys.argv[1]}", "w") as shared:
        notes.write(sys.argv[-1])
        shared.write(sys.argv[-1])
    time.sleep(1.5)
    os.unlink(f"/tmp/{sys.argv[1]}")
    sys.exit(0)
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("cmdline", "environ", "cwd/notes"):
        try:
            print(open(f"/proc/{pid}/{name}").read())
        except OSError:
            pass
try:
    print(open(f"/tmp/{sys.argv[1]}").read())
except OSError as error:
    print(error)
