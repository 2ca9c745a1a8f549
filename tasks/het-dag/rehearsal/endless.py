def rank(f):
    return 0


def place(f):
    while True:
        pass
