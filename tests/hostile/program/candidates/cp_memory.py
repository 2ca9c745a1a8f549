"""Takes all memory."""


def pack(circles, seconds):
    found = []
    while True:
        found.append(bytearray(1 << 24))
