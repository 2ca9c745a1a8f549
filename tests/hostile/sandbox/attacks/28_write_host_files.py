"""Writes wherever it may be able to."""

import sys

print(sys.argv[1], flush=True)
host = sys.argv[2]
for path in (f"{host}/target.txt", f"{host}/new", f"{host}/folder/new", f"/proc/1/root{host}/target.txt"):
    try:
        with open(path, "ab") as opened:
            opened.write(b"changed")
        print("wrote", path)
    except OSError as error:
        print(error)
for path in ("/usr/bin/planted", "/etc/planted", "/var/tmp/planted", "/planted"):
    try:
        with open(path, "wb") as opened:
            opened.write(b"planted")
    except OSError as error:
        print(error)
