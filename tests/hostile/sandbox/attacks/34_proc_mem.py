"""Reads the memory of other processes through /proc/PID/mem."""

import os
import re
import sys

print(sys.argv[1], flush=True)
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) == os.getpid():
        continue
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                low, high = (int(end, 16) for end in line.split()[0].split("-"))
                if " rw-p " in line and high - low < 64 << 20:
                    try:
                        memory.seek(low)
                        for found in re.findall(rb"(?:environment|bystander)-[0-9a-f]{32}", memory.read(high - low)):
                            print(found)
                    except (OSError, ValueError):
                        pass
    except OSError:
        pass
