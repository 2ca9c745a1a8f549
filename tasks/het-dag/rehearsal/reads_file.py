import os


def rank(f):
    return 0


def place(f):
    return len(os.listdir("/"))
