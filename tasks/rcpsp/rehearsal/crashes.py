def priority(f):
    if f["left"] > 40:
        raise ValueError("too hard for me")
    return 0
