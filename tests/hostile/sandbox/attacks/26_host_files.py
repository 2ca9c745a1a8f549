"""Reads a file of the host by every route."""

import os
import sys

print(sys.argv[1], flush=True)
path = f"{sys.argv[2]}/secret.txt"
routes = [
    path,
    f"/proc/1/root{path}",
    f"/proc/self/root{path}",
    f"{sys.argv[3]}/../../..{path}",
    f"/proc/1/cwd/..{path}",
]
routes += [f"/proc/{pid}/root{path}" for pid in os.listdir("/proc") if pid.isdigit()]
for route in [*routes, "/etc/shadow", "/root/.ssh/id_ed25519"]:
    try:
        with open(route, "rb") as opened:
            print(route, opened.read(2000))
    except OSError as error:
        print(route, error)
