"""PEFT: mean optimistic cost, earliest finish plus optimistic cost."""


def rank(f):
    return f["mean_oct"]


def place(f):
    return -(f["finish"] + f["oct"])
