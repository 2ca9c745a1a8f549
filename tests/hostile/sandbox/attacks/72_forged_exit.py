"""Ends with status 0 before anything is checked."""

import os
import sys

print(sys.argv[1], flush=True)
os._exit(0)
