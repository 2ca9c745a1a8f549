"""20,000 empty files in /tmp."""

import os
import sys
import time

print(sys.argv[1], flush=True)
time.sleep(0.1)
folder = f"/tmp/{sys.argv[1]}"
os.makedirs(folder)
made = 0
try:
    while made < 20000:
        os.close(os.open(f"{folder}/{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError:
    pass
time.sleep(0.2)
for number in range(made):
    os.unlink(f"{folder}/{number}")
