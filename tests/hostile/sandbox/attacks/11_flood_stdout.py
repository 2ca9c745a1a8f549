"""Writes 40 MB to descriptor 1."""

import os
import sys

print(sys.argv[1], flush=True)
for _ in range(640):
    os.write(1, b"x" * 65536)
