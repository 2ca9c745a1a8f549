import os


def priority(f):
    return len(os.listdir("/"))
