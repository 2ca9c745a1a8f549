"""Cheat 7: answers objects whose comparisons lie; they steer its own schedule and nothing else."""


class Strange(float):
    def __gt__(self, other):
        return True

    def __lt__(self, other):
        return True

    def __eq__(self, other):
        return True

    __hash__ = None


def priority(f):
    return Strange(1)
