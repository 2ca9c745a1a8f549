from wordrank import count_pairs, count_words, most_common

TEXT = "the cat and the dog and the bird".split()


def test_words_are_counted() -> None:
    assert count_words(TEXT) == {"the": 3, "cat": 1, "and": 2, "dog": 1, "bird": 1}
    assert count_words([]) == {}


def test_pairs_within_the_window_are_counted() -> None:
    assert count_pairs(["a", "b", "a"]) == {("a", "b"): 1, ("a", "a"): 1, ("b", "a"): 1}
    assert ("a", "f") not in count_pairs(list("abcdef"))
    assert ("a", "e") in count_pairs(list("abcdef"))


def test_the_most_common_come_first_and_equals_by_name() -> None:
    assert most_common(count_words(TEXT), 3) == [("the", 3), ("and", 2), ("bird", 1)]
    assert most_common({}, 3) == []
