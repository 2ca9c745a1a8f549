"""The table attack × tier as Markdown, and the words for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attack_pack.manifest import Attack
from attack_pack.verdicts import Verdict, Word

BEGIN = "<!-- written by make attacks -->"
END = "<!-- end of what make attacks writes -->"


def markdown(attacks: Sequence[Attack], verdicts: Mapping[tuple[str, str], Verdict], tiers: Sequence[str]) -> str:
    """One row per attack: number, what it does, the effect looked for, each tier's verdict, what holds it."""
    head = ["attack", "what it does", "seen from outside", *tiers, "held by"]
    rows = [head, ["---"] * len(head)]
    for attack in attacks:
        cells = [f"`{attack.name}`", attack.title, attack.effect.value]
        cells += [_cell(verdicts.get((attack.name, tier))) for tier in tiers]
        rows.append([*cells, attack.held_by])
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not run"
    return verdict.word.value if verdict.word is Word.HELD else f"**{verdict.word.value}**"


def summary(verdicts: Sequence[Verdict], tiers: Sequence[str]) -> str:
    parts = []
    for tier in tiers:
        own = [verdict for verdict in verdicts if verdict.tier == tier]
        count = {word: sum(verdict.word is word for verdict in own) for word in Word}
        parts.append(f"{tier}: {count[Word.HELD]} held, {count[Word.BROKE]} broke, {count[Word.INVALID]} invalid")
    return "; ".join(parts)


def put_into(document: str, table: str, begin_mark: str = BEGIN, end_mark: str = END) -> str:
    """The document with the table between its marks; raises ValueError when they are missing."""
    before, begin, rest = document.partition(begin_mark)
    _, end, after = rest.partition(end_mark)
    if not begin or not end:
        raise ValueError(f"the document lacks {begin_mark} or {end_mark}")
    return f"{before}{begin_mark}\n{table}\n{end_mark}{after}"
