"""Takes all rights from its folders: cleaning up fails."""

import os
import sys

print(sys.argv[1], flush=True)
for name in ("a", "b"):
    os.makedirs(f"{name}/inner")
    open(f"{name}/inner/file", "w").close()
    os.chmod(f"{name}/inner", 0)
    os.chmod(name, 0)
