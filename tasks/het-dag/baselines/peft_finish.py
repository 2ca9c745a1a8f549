"""Order of PEFT, choice of HEFT."""


def rank(f):
    return f["mean_oct"]


def place(f):
    return -f["finish"]
