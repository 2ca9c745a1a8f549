"""Strassen's seven multiplications (1969), applied again to the blocks while the size is even."""

SEVEN = [
    ([1, 0, 0, 1], [1, 0, 0, 1], [1, 0, 0, 1]),
    ([0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 1, -1]),
    ([1, 0, 0, 0], [0, 1, 0, -1], [0, 1, 0, 1]),
    ([0, 0, 0, 1], [-1, 0, 1, 0], [1, 0, 1, 0]),
    ([1, 1, 0, 0], [0, 0, 0, 1], [-1, 1, 0, 0]),
    ([-1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]),
    ([0, 1, 0, -1], [0, 0, 1, 1], [1, 0, 0, 0]),
]


def scheme(size, seconds):
    if size == 1:
        return [[[1], [1], [1]]]
    half = scheme(size // 2, seconds)
    return [[blocks(a, b, size // 2) for a, b in zip(outer, inner)] for outer in SEVEN for inner in half]


def blocks(outer, inner, half):
    """The entry of a block times the entry within it."""
    size = 2 * half
    return [
        outer[(row // half) * 2 + column // half] * inner[(row % half) * half + column % half]
        for row in range(size)
        for column in range(size)
    ]
