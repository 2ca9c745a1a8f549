"""The most frequent first; equals in the order of the alphabet."""


def most_common(counts, how_many):
    left = dict(counts)
    ranked = []
    while left and len(ranked) < how_many:
        best = None
        for name in left:
            if best is None or left[name] > left[best] or (left[name] == left[best] and name < best):
                best = name
        ranked.append((best, left.pop(best)))
    return ranked
