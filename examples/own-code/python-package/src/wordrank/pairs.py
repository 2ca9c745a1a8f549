"""Pairs of words that stand within a few places of each other."""

WINDOW = 4


def count_pairs(words):
    found = {}
    for i in range(len(words)):
        for j in range(len(words)):
            if i < j and j - i <= WINDOW:
                pair = (words[i], words[j])
                if pair not in found:
                    found[pair] = 0
                found[pair] = found[pair] + 1
    return found
