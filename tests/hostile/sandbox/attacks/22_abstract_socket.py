"""Connects to an abstract socket of the host (D-Bus, X11, containerd use them)."""

import socket
import sys

print(sys.argv[1], flush=True)
try:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect("\0" + sys.argv[2])
        connection.sendall(b"exfiltrated")
        print(connection.recv(100))
except OSError as error:
    print(error)
