"""A result of 100,000 brackets: a recursive parser fails."""

import sys

print(sys.argv[1], flush=True)
with open("result.json", "w") as result:
    result.write("[" * 100000 + "]" * 100000)
