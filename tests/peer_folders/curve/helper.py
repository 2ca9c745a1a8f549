"""Beside the evaluator, as evaluators have it."""

POINTS = [index / 10.0 for index in range(-20, 21)]


def wanted(x):
    return 0.5 * x * x + 1.0
