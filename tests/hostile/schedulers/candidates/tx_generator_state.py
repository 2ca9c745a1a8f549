"""Cheat 19: reads and seeds every generator in reach."""

import random


def order(instance):
    random.getstate()
    random.seed(0)
    return list(range(len(instance["transactions"])))
