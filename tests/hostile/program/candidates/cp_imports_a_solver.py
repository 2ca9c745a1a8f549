"""Imports what a bare interpreter does not have."""

import numpy


def pack(circles, seconds):
    return numpy.zeros((26, 3)).tolist()
