"""usage: python bench/time_it.py SEED: the package's work on a text drawn from SEED, and what it found."""

import random
import sys

from wordrank import count_pairs, count_words, most_common

WORDS = 2500


def main() -> None:
    draw = random.Random(int(sys.argv[1]))
    letters = "abcdefghijklmnop"
    words = ["".join(draw.choices(letters, k=2)) for _ in range(WORDS)]
    print(most_common(count_words(words), 50))
    print(most_common(count_pairs(words), 20))


if __name__ == "__main__":
    main()
