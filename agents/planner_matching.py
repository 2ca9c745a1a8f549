"""Which shipped task a goal means: retrieval over the tasks' texts, and what in the goal speaks against the match."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from nightforge.domain.plan import Match
from nightforge.domain.task import Task
from tools.goal_numbers import read_facts
from tools.goal_words import COMMON_WORDS, QUALIFIERS
from tools.retrieval import Document, TextIndex, words

NOTHING_FITS_BELOW = 0.2
"""Share of the goal's subject words that a task must know for the goal to be about it at all."""
SURE_ABOVE = 0.5
"""Share above which a keyword match needs no question. Both are tuned on tests/unit/goals/goals.toml."""
SPELLING_CUTOFF = 0.84
"""difflib ratio from which an unknown word is asked about as a misspelt keyword ("sofmax")."""

SHORTEST_NAME = 4
"""Letters of a part of a task's name from which it also names the task inside a longer word (axpy in saxpy)."""

_FORMULA = re.compile(r"(?:(?<![^\W_])[^\W\d_](?![^\W_])[\s*·+=^/.()\[\]-]*){3,}", re.UNICODE)
_PRODUCT = re.compile(r"(?<![^\W_])([a-c])([x-z])(?![^\W_])", re.IGNORECASE)
"""A product written without its sign: the ax of "y = ax + y"."""
_GOAL, _COMMON = "(goal)", "(common words)"
_WEIGHTS = {"subject": 3.0, "detail": 1.0}


@dataclass(frozen=True)
class Fit:
    """How a goal fits one task.

    `anchors` are the task's own keywords that stand in the goal: without one there is no sure match.
    `strange` are words that the task does not know and that may change what is meant.
    """

    task: Task
    anchors: frozenset[str]
    matched: tuple[str, ...]
    unknown: tuple[str, ...]
    strange: tuple[str, ...]
    misspelt: str
    nearness: float

    @property
    def coverage(self) -> float:
        known = len(self.matched)
        return known / (known + len(self.unknown)) if known else 0.0

    @property
    def is_possible(self) -> bool:
        if self.anchors:
            return self.coverage >= NOTHING_FITS_BELOW
        return bool(self.misspelt) or (len(self.matched) >= 2 and self.coverage >= SURE_ABOVE)

    @property
    def is_sure(self) -> bool:
        """Named by its name, a phrase or a formula of its own, or by two keywords; and nothing speaks against it."""
        names = [part for part in self.task.name.split("-") if len(part) >= SHORTEST_NAME]
        named = any(len(words(phrase)) > 1 or any(part in phrase for part in names) for phrase in self.anchors)
        return (named or len(self.anchors) > 1) and not self.strange and self.coverage > SURE_ABOVE

    @property
    def match(self) -> Match:
        why = f"knows {', '.join(sorted(self.anchors))}" if self.anchors else self.task.title
        return Match(task=self.task.name, score=round(self.coverage, 3) if self.is_possible else 0.0, why=why)


def fit_tasks(goal: str, rest: str, tasks: Sequence[Task]) -> tuple[Fit, ...]:
    """Every task with how the goal fits it, nearest first. `rest` is the goal without the facts read from it."""
    if "=" in goal:
        goal, rest = (_PRODUCT.sub(r"\1 \2", text) for text in (goal, rest))
    documents = [
        Document(_GOAL, {"subject": goal}),
        Document(_COMMON, {"subject": " ".join(COMMON_WORDS)}),
        *(Document(task.name, _texts(task)) for task in tasks),
    ]
    with TextIndex(documents, weights=_WEIGHTS) as index:
        spoken = [word for word in words(rest) if len(word) > 1 and not word.isdigit()]
        near = {hit.name: hit.score for hit in index.search(words(goal))}
        fits = [_fit(index, task, goal, spoken, near.get(task.name, 0.0)) for task in tasks]
    return tuple(sorted(fits, key=_place))


def _place(fit: Fit) -> tuple[bool, bool, float, int, float, str]:
    """Of tasks that know the same share of the goal's words, the one that knows more of them is nearer."""
    return not fit.is_possible, not fit.anchors, -fit.coverage, -len(fit.matched), -fit.nearness, fit.task.name


def rivals(fits: Sequence[Fit]) -> tuple[Fit, ...]:
    """The first fit, and those that the goal names as clearly: with keywords of their own, or the same ones."""
    first = fits[0]
    if not first.anchors:
        return tuple(fit for fit in fits if fit.is_possible and not fit.anchors and fit.matched == first.matched)
    return (first, *(fit for fit in fits[1:] if fit.anchors and fit.is_possible and not fit.anchors < first.anchors))


def _fit(index: TextIndex, task: Task, goal: str, spoken: Sequence[str], nearness: float) -> Fit:
    formulas = _formulas(index, task, goal)
    keywords = [phrase for phrase in _anchor_phrases(index, task) if index.holds(_GOAL, phrase)]
    anchors = frozenset((*keywords, *formulas))
    anchor_words = {word for phrase in anchors for word in words(phrase)}
    matched, unknown, strange = [], [], []
    strangers: list[bool] = []
    for word in spoken:
        is_common = index.holds(_COMMON, word)
        is_subject = word in anchor_words or (not is_common and index.holds(task.name, word, fields=("subject",)))
        stranger = (word in QUALIFIERS or not is_common) and not index.holds(task.name, word)
        strangers.append(stranger)
        if is_subject:
            matched.append(word)
        elif stranger:
            unknown.append(word)
            if word in QUALIFIERS:
                strange.append(word)
    for place, word in enumerate(spoken):
        beside = (*spoken[max(place - 1, 0) : place], *spoken[place + 1 : place + 2])
        if strangers[place] and any(neighbour in matched for neighbour in beside):
            strange.append(word)
    return Fit(
        task=task,
        anchors=anchors,
        matched=tuple(dict.fromkeys((*matched, *formulas))),
        unknown=tuple(dict.fromkeys(unknown)),
        strange=tuple(dict.fromkeys(strange)),
        misspelt="" if anchors else _misspelt(index, task, unknown),
        nearness=nearness,
    )


def _formulas(index: TextIndex, task: Task, goal: str) -> Sequence[str]:
    """Runs of letters such as "y += a*x" that stand in the task's own texts: no words, and yet its subject."""
    runs = (" ".join(words(match.group())) for match in _FORMULA.finditer(goal))
    return [run for run in dict.fromkeys(runs) if index.holds(task.name, run, fields=("subject",))]


def _anchor_phrases(index: TextIndex, task: Task) -> Sequence[str]:
    """The keywords and the words of the name that name a subject: not "row", "fast", "float32", "64 MB" or "torch"."""
    found = []
    for phrase in dict.fromkeys(phrase.casefold() for phrase in (*task.keywords, *task.name.split("-"))):
        unread = _unread(phrase)
        if any(not index.holds(_COMMON, word) for word in unread) and len("".join(unread)) > 1:
            found.append(phrase)
    return found


@lru_cache(maxsize=4096)
def _unread(phrase: str) -> tuple[str, ...]:
    return tuple(word for word in words(read_facts(phrase).rest) if not word.isdigit())


def _misspelt(index: TextIndex, task: Task, unknown: Sequence[str]) -> str:
    singles = [phrase.casefold() for phrase in _anchor_phrases(index, task) if len(words(phrase)) == 1]
    for word in unknown:
        if len(word) >= 4 and difflib.get_close_matches(word, singles, n=1, cutoff=SPELLING_CUTOFF):
            return word
    return ""


def _texts(task: Task) -> dict[str, str]:
    parameters = " ".join(
        f"{parameter.name} {parameter.title} {parameter.unit} {' '.join(parameter.words)}"
        for parameter in task.parameters
    )
    brief = task.read(task.brief) if (task.root / task.brief).is_file() else ""
    return {
        "subject": " ; ".join((task.name, task.title, task.goal, *task.keywords)),
        "detail": f"{parameters} {brief} {json.dumps(task.settings, ensure_ascii=False)}",
    }
