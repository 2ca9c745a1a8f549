"""Full-text retrieval over a few short texts: BM25 with Porter stemming, in an in-memory SQLite FTS5 table.

Used where a goal in plain words has to find a task. Nothing is stored, nothing leaves the process.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from nightforge.errors import PrerequisiteMissing

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_PADDING_ROWS = 64
"""Empty rows that keep BM25's inverse document frequency positive: with two documents a word that stands in one of
them would weigh nothing (SQLite floors log((N - n + 0.5) / (n + 0.5)) at zero)."""


@dataclass(frozen=True)
class Document:
    """A named text in weighted fields, e.g. {"title": …, "body": …}."""

    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Hit:
    """`score` is BM25 turned so that more is nearer; it compares hits of one query, nothing else."""

    name: str
    score: float


def words(text: str) -> tuple[str, ...]:
    """The words of a text as the index sees them before stemming: lower case, letters and digits."""
    return tuple(match.group().casefold() for match in _WORD.finditer(text))


class TextIndex:
    """A shelf of documents; close it after use (it is a context manager)."""

    def __init__(self, documents: Sequence[Document], *, weights: Mapping[str, float]) -> None:
        self._names = [document.name for document in documents]
        self._weights = dict(weights)
        self._db = sqlite3.connect(":memory:")
        columns = ", ".join(f'"{field}"' for field in self._weights)
        try:
            self._db.execute(f"CREATE VIRTUAL TABLE shelf USING fts5({columns}, tokenize = 'porter unicode61')")
        except sqlite3.OperationalError as error:
            self._db.close()
            raise PrerequisiteMissing(
                f"this Python's SQLite has no full-text search ({error})",
                where="tools.retrieval",
                hint="use a Python whose SQLite is built with FTS5 (Debian's and Ubuntu's python3 are)",
            ) from error
        marks = ", ".join("?" for _ in self._weights)
        rows = [
            (row, *(document.fields.get(field, "") for field in self._weights))
            for row, document in enumerate(documents, start=1)
        ]
        padding = [(len(rows) + extra, *("" for _ in self._weights)) for extra in range(1, _PADDING_ROWS + 1)]
        self._db.executemany(f"INSERT INTO shelf(rowid, {columns}) VALUES (?, {marks})", [*rows, *padding])

    def __enter__(self) -> TextIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def search(self, terms: Iterable[str]) -> tuple[Hit, ...]:
        """Documents that hold any of the terms, nearest first; ties by name, so that the order is fixed."""
        query = " OR ".join(dict.fromkeys(phrase for phrase in map(_phrase, terms) if phrase))
        if not query:
            return ()
        weights = ", ".join(str(float(weight)) for weight in self._weights.values())
        found = self._db.execute(
            f"SELECT rowid, -bm25(shelf, {weights}) FROM shelf WHERE shelf MATCH ?", (query,)
        ).fetchall()
        hits = [Hit(self._names[row - 1], round(score, 6)) for row, score in found]
        return tuple(sorted(hits, key=lambda hit: (-hit.score, hit.name)))

    def holds(self, name: str, phrase: str, *, fields: Sequence[str] = ()) -> bool:
        """Whether the words of `phrase` follow one another in the document, whatever their endings."""
        query = _phrase(phrase)
        if not query or name not in self._names:
            return False
        if fields:
            query = "{" + " ".join(f'"{field}"' for field in fields) + "} : " + query
        found = self._db.execute(
            "SELECT 1 FROM shelf WHERE shelf MATCH ? AND rowid = ?", (query, self._names.index(name) + 1)
        )
        return found.fetchone() is not None


def _phrase(text: str) -> str:
    """An FTS5 phrase of the words in `text`; quoting makes every character harmless."""
    found = words(text)
    return '"' + " ".join(found) + '"' if found else ""
