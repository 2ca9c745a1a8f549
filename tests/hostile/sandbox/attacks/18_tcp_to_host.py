"""Connects to a service that listens on the host's loopback address, and says a word."""

import socket
import sys

print(sys.argv[1], flush=True)
for address in ("127.0.0.1", "localhost", "169.254.169.254"):
    try:
        with socket.create_connection((address, int(sys.argv[2])), 0.5) as connection:
            connection.sendall(b"exfiltrated")
            print(connection.recv(100))
    except OSError as error:
        print(error)
