"""First ready first, earliest finish."""


def rank(f):
    return -f["ready"]


def place(f):
    return -f["finish"]
