"""The schoolbook scheme: one multiplication for each pair of entries that meet."""


def scheme(size, seconds):
    """[[u, v, w], ...]: with m = (u . A) * (v . B), the product C is the sum of w * m; matrices are read row by row."""
    terms = []
    for i in range(size):
        for j in range(size):
            for k in range(size):
                terms.append([unit(size, i, k), unit(size, k, j), unit(size, i, j)])
    return terms


def unit(size, row, column):
    """A matrix with one 1."""
    vector = [0] * (size * size)
    vector[row * size + column] = 1
    return vector
