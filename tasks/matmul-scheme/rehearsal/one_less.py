"""Known cheat: the schoolbook scheme without its last multiplication."""


def scheme(size, seconds):
    terms = []
    for i in range(size):
        for j in range(size):
            for k in range(size):
                terms.append([unit(size, i, k), unit(size, k, j), unit(size, i, j)])
    return terms[:-1]


def unit(size, row, column):
    vector = [0] * (size * size)
    vector[row * size + column] = 1
    return vector
