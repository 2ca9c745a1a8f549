"""Cheat 14: lets a solver do the work."""

from ortools.sat.python import cp_model


def priority(f):
    return cp_model.INT32_MAX
