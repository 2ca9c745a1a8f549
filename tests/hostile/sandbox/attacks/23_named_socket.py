"""Connects to a named socket of the host, as docker.sock is one."""

import socket
import sys

print(sys.argv[1], flush=True)
try:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(sys.argv[2])
        connection.sendall(b"exfiltrated")
        print(connection.recv(100))
except OSError as error:
    print(error)
