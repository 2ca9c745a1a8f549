# A cap set, greedily: the vector with the largest priority that closes no line comes next. Operators read the comments.
#
# nf: feature index vectors >= 0: the vector read as a number to base three
# nf: feature zeros places >= 0: that are 0
# nf: feature ones places >= 0: that are 1
# nf: feature twos places >= 0: that are 2
# nf: feature turns places >= 0: that differ from their right neighbour, the last from the first
# nf: feature same places >= 0: that are equal to the place opposite, half the dimension away
# nf: feature mirrored places >= 0: that are equal to the place opposite, counted from the other end
# nf: feature blocks places >= 0: triples of neighbouring places with a sum that is a multiple of three
# nf: feature rest 1 >= 0: the sum of all places, modulo three
# nf: feature signs 1 >= 0: 1 where the number of 2s is odd, else 0
# nf: feature dimension places >= 1 shared: number of places
#
# nf: rule -index -- in the order of counting
# nf: rule -zeros -- few zeros first
# nf: rule -abs(zeros - ones) -- as many zeros as ones

from itertools import product


def priority(index, zeros, ones, twos, turns, same, mirrored, blocks, rest, signs, dimension):
    """In the order of counting."""
    return -index


def cap(dimension, seconds):
    """[[0, 1, 2, ...], ...]: vectors modulo three, no three of them on a line."""
    vectors = list(product((0, 1, 2), repeat=dimension))
    ranks = [priority(*features(vector, index), dimension) for index, vector in enumerate(vectors)]
    chosen, closed = [], set()
    for index in sorted(range(len(vectors)), key=lambda index: -ranks[index]):
        vector = vectors[index]
        if vector not in closed:
            closed.update(tuple(-(a + b) % 3 for a, b in zip(vector, other)) for other in chosen)
            chosen.append(vector)
    return [list(vector) for vector in chosen]


def features(vector, index):
    """What `priority` may look at."""
    count, half = len(vector), len(vector) // 2
    places = range(count)
    return (
        index,
        vector.count(0),
        vector.count(1),
        vector.count(2),
        sum(vector[place] != vector[(place + 1) % count] for place in places),
        sum(vector[place] == vector[(place + half) % count] for place in places),
        sum(vector[place] == vector[count - 1 - place] for place in places),
        sum((vector[place] + vector[place - 1] + vector[place - 2]) % 3 == 0 for place in places),
        sum(vector) % 3,
        vector.count(2) % 2,
    )
