"""Connects to a service of the host's loopback address."""

import socket
import sys

print(sys.argv[1], flush=True)
for address in ("127.0.0.1", "localhost"):
    try:
        with socket.create_connection((address, int(sys.argv[2])), 0.5) as connection:
            connection.sendall(b"exfiltrated")
            print(connection.recv(100))
    except OSError as error:
        print(error)
