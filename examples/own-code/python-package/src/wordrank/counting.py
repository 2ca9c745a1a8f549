"""How often each word stands in a text."""


def count_words(words):
    seen = []
    counts = []
    for word in words:
        if word in seen:
            counts[seen.index(word)] += 1
        else:
            seen.append(word)
            counts.append(1)
    return dict(zip(seen, counts))
