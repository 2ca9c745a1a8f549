"""Prints a score of its own."""

import json
import os
import sys

print(sys.argv[1], flush=True)
print(json.dumps({"score": 1e9, "passed": True, "note": sys.argv[1]}), flush=True)
os._exit(0)
