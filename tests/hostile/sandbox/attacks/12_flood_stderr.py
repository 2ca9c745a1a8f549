"""Writes 40 MB to descriptor 2."""

import os
import sys

print(sys.argv[1], flush=True)
for _ in range(640):
    os.write(2, b"x" * 65536)
