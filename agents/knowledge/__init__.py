"""Knowledge packs: what the tools' complaints mean and how they are mended, one file for each language of programs.

A pack is Markdown: sections opened by `%% name`, each with a line `when: ` that lists reasons (as the evaluator names
them) and words of its feedback, parted by commas. The evidence chooses what is shown; nothing else of a pack is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from nightforge.domain.evidence import StageEvidence

MOST_SECTIONS = 3
_SECTION = re.compile(r"^%% (?P<name>[a-z_]+)\nwhen: (?P<when>[^\n]+)\n", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Section:
    """One explanation, and the words that call for it."""

    name: str
    when: tuple[str, ...]
    text: str


@lru_cache(maxsize=16)
def load_pack(language: str) -> tuple[Section, ...]:
    """The sections of `agents/knowledge/<language>.md`; none where there is no such file."""
    name = language.casefold()
    path = files("agents") / "knowledge" / f"{name}.md"
    if not _NAME.fullmatch(name) or not path.is_file():
        return ()
    parts = _SECTION.split(path.read_text(encoding="utf-8"))
    return tuple(
        Section(title, tuple(word.strip() for word in when.split(",")), text.strip())
        for title, when, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    )


def explain(language: str, failure: StageEvidence) -> str:
    """What the pack says on a failed stage: sections that name its reason first, then those with words of its feedback.

    Empty where the pack has nothing for it.
    """
    return _joined(load_pack(language), failure.reason, failure.feedback)


def explain_lines(language: str, failures: Sequence[str]) -> str:
    """The same for lines on earlier failures, each of which names its reason."""
    return _joined(load_pack(language), "", "\n".join(failures))


def _joined(pack: Sequence[Section], reason: str, feedback: str) -> str:
    by_reason = [section for section in pack if reason and reason in section.when]
    by_words = [section for section in pack if any(_holds(feedback, word) for word in section.when)]
    chosen = list(dict.fromkeys((*by_reason, *by_words)))[:MOST_SECTIONS]
    return "\n\n".join(section.text for section in chosen)


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
