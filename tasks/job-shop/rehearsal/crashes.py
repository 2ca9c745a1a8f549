def priority(f):
    if f["now"] > 500:
        raise ValueError("too hard for me")
    return 0
