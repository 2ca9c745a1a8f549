"""Knowledge packs: what evidence on a program means and what to do about it, one file for each language of programs.

A pack is Markdown: sections opened by `%% name`, each with a line `when: ` that lists reasons (as the evaluator names
them), words of its feedback, bottlenecks (as the judge names them) and shapes of loops (`agents.knowledge.shapes`),
parted by commas. The evidence chooses what is shown; nothing else of a pack is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from nightforge.domain.evidence import StageEvidence

MOST_SECTIONS = 3
_LIMIT, _SIGN, _SHAPE = 4, 2, 1
"""How much it counts that a section names the judge's bottleneck, a further sign of the profile, a shape of loops."""
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
    return joined(on_failure(language, failure))


def explain_lines(language: str, failures: Sequence[str]) -> str:
    """The same for lines on earlier failures, each of which names its reason."""
    return joined(on_lines(language, failures))


def on_failure(language: str, failure: StageEvidence) -> tuple[Section, ...]:
    return _chosen(load_pack(language), failure.reason, failure.feedback)


def on_lines(language: str, failures: Sequence[str]) -> tuple[Section, ...]:
    return _chosen(load_pack(language), "", "\n".join(failures))


def advise(language: str, *, limit: str, signs: Sequence[str], shapes: Sequence[str]) -> tuple[Section, ...]:
    """What the pack says on a program that works: on its bottleneck first, and of that on its kind of loops first.

    Without a bottleneck and signs, the shapes alone choose. A section that only a shape calls for is not shown where a
    bottleneck is known: it would be advice on what does not limit.
    """
    counted = []
    for section in load_pack(language):
        evidence = _LIMIT * (limit in section.when) + _SIGN * sum(
            sign in section.when for sign in signs if sign != limit
        )
        if not evidence and (limit or signs):
            continue
        points = evidence + _SHAPE * sum(shape in section.when for shape in shapes)
        if points:
            counted.append((points, section))
    counted.sort(key=lambda pair: -pair[0])
    return tuple(section for _, section in counted[:MOST_SECTIONS])


def joined(sections: Sequence[Section]) -> str:
    return "\n\n".join(section.text for section in sections)


def _chosen(pack: Sequence[Section], reason: str, feedback: str) -> tuple[Section, ...]:
    by_reason = [section for section in pack if reason and reason in section.when]
    by_words = [section for section in pack if any(_holds(feedback, word) for word in section.when)]
    return tuple(dict.fromkeys((*by_reason, *by_words)))[:MOST_SECTIONS]


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE) is not None
