"""Full-text retrieval over a few texts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.retrieval import Document, TextIndex, words

SHELF = [
    Document("soft", {"title": "softmax of a long row", "body": "normalised exponentials, optimising memory traffic"}),
    Document("axpy", {"title": "scaled vector addition", "body": "y = a*x + y over floats; not a softmax"}),
]


@pytest.fixture
def index() -> Iterator[TextIndex]:
    with TextIndex(SHELF, weights={"title": 3.0, "body": 1.0}) as index:
        yield index


def test_a_title_weighs_more_than_a_body(index: TextIndex) -> None:
    hits = index.search(["softmax"])
    assert [hit.name for hit in hits] == ["soft", "axpy"]
    assert hits[0].score > hits[1].score > 0


@pytest.mark.parametrize("word", ["optimise", "optimised", "exponential", "ROWS", "Vectors"])
def test_endings_and_case_do_not_matter(word: str, index: TextIndex) -> None:
    assert index.search([word])


def test_phrases_are_words_in_a_row(index: TextIndex) -> None:
    assert index.holds("axpy", "y = a * x")
    assert not index.holds("axpy", "x a")
    assert index.holds("axpy", "softmax")
    assert not index.holds("axpy", "softmax", fields=("title",))
    assert not index.holds("nobody", "softmax")


def test_nothing_asked_is_nothing_found(index: TextIndex) -> None:
    assert index.search(["", "***", '"']) == ()
    assert not index.holds("soft", "!?")


@given(st.text(max_size=60))
def test_no_text_is_a_query_of_its_own(text: str) -> None:
    with TextIndex(SHELF, weights={"title": 3.0, "body": 1.0}) as index:
        index.search([text])
        index.holds("soft", text)


@given(st.lists(st.sampled_from(["softmax", "row", "vector", "zebra"]), max_size=6))
def test_the_order_of_words_does_not_change_what_is_found(terms: list[str]) -> None:
    with TextIndex(SHELF, weights={"title": 3.0, "body": 1.0}) as index:
        assert index.search(terms) == index.search(sorted(set(terms)))


def test_words_are_letters_and_digits() -> None:
    assert words("Soft-Max, 2^24; y_0 = ß") == ("soft", "max", "2", "24", "y", "0", "ss")
