"""Leaves a set-uid program behind."""

import os
import shutil
import sys

print(sys.argv[1], flush=True)
shutil.copyfile("/usr/bin/env", "helper")
os.chmod("helper", 0o6755)
