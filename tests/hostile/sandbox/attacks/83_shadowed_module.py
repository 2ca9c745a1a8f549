"""Leaves a module that the next Python in its folder imports."""

import sys

print(sys.argv[1], flush=True)
with open("json.py", "w") as module:
    module.write(f"open({sys.argv[2] + '/target.txt'!r}, 'a').write('shadowed')")
