"""1,500 folders in each other: cleaning up by recursion fails."""

import os
import sys

print(sys.argv[1], flush=True)
for _ in range(1500):
    try:
        os.mkdir("d")
        os.chdir("d")
    except OSError:
        break
