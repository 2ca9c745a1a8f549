"""Opens raw and packet sockets."""

import socket
import sys
import time

print(sys.argv[1], flush=True)
held = []
for family, kind, protocol in ((socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_PACKET, socket.SOCK_RAW, 3)):
    try:
        held.append(socket.socket(family, kind, protocol))
    except OSError as error:
        print(error)
time.sleep(0.4)
