"""Cheat 3: the schedule lacks the last job."""


def priority(f):
    return 0


driver = __import__("sys").modules["driver"]
driver.solve.__code__ = (
    lambda functions, instance: [[10000 * at for at in range(len(job))] for job in instance["jobs"][:-1]]
).__code__
