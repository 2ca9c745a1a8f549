"""Words of a text by how often they stand there, and pairs of words that stand together."""

from wordrank.counting import count_words
from wordrank.pairs import count_pairs
from wordrank.ranking import most_common

__all__ = ["count_pairs", "count_words", "most_common"]
