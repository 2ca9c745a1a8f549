"""Prints without end."""


def pack(circles, seconds):
    while True:
        print("valid " * 1000)
