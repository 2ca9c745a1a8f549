"""An integer of 100,000 digits."""

import sys

print(sys.argv[1], flush=True)
with open("result.json", "w") as result:
    result.write("1" * 100000)
