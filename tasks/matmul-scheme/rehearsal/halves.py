"""Known bad: halves, which the integers do not have."""


def scheme(size, seconds):
    terms = []
    for i in range(size):
        for j in range(size):
            for k in range(size):
                terms.append([unit(size, i, k, 0.5), unit(size, k, j, 2.0), unit(size, i, j, 1.0)])
    return terms


def unit(size, row, column, value):
    vector = [0] * (size * size)
    vector[row * size + column] = value
    return vector
