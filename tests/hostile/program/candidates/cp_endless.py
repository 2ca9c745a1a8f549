"""Never answers."""


def pack(circles, seconds):
    while True:
        pass
