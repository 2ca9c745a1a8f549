def rank(f):
    return 0


def place(f):
    if f["end"] > 300:
        raise ValueError("too hard for me")
    return 0
