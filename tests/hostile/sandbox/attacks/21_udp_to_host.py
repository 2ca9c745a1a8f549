"""Sends a datagram, as DNS exfiltration does."""

import socket
import sys
import time

print(sys.argv[1], flush=True)
try:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"exfiltrated", ("127.0.0.1", int(sys.argv[2])))
except OSError as error:
    print(error)
time.sleep(0.1)
