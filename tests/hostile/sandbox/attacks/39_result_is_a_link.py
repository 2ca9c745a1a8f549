"""The result file is a link to a secret."""

import os
import sys

print(sys.argv[1], flush=True)
os.symlink(f"{sys.argv[2]}/secret.txt", "result.json")
