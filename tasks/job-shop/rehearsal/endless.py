def priority(f):
    while True:
        pass
