"""Reads standard input to its end."""

import sys

print(sys.argv[1], flush=True)
sys.stdin.read()
