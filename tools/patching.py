"""From a model's reply to a whole program: SEARCH/REPLACE edits, whole programs in fences, EVOLVE-BLOCK borders.

A reply that cannot be used is a `NoDraft` whose feedback says what to do better; nothing here raises on any text.
Edits are applied one after the other, each to the result of the one before. In a program of several files
(`nightforge.domain.bundle`) an edit belongs to the one file in which its SEARCH part stands.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nightforge.domain.bundle import Bundle, diff_bundles, format_bundle, is_bundle, parse_bundle
from nightforge.domain.team import NoDraft
from nightforge.errors import UserError

DOES_NOT_APPLY = "edit_does_not_apply"
NO_PROGRAM = "no_program"
OUTSIDE_BLOCK = "outside_evolve_block"
TRUNCATED = "truncated"

_SEARCH = re.compile(r"\s*<{5,9}\s*SEARCH\s*")
_DIVIDER = re.compile(r"\s*={5,9}\s*")
_REPLACE = re.compile(r"\s*>{5,9}\s*REPLACE\s*")
_FENCE = re.compile(r"\s{0,3}(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)")
_BLOCK_START = "EVOLVE-BLOCK-START"
_BLOCK_END = "EVOLVE-BLOCK-END"
_SHOWN_LINES = 6
_LONGEST_LINE_SHOWN = 160
_LONGEST_LINE_COMPARED = 400
_MOST_LINES_COMPARED = 800
_MOST_LINES_TRIED = 3


@dataclass(frozen=True)
class Edit:
    """Whole lines to find and the lines to put there; `number` counts from 1 in the reply."""

    number: int
    search: tuple[str, ...]
    replace: tuple[str, ...]


def has_edits(reply: str) -> bool:
    return any(_SEARCH.fullmatch(line) for line in _lines(reply))


def parse_edits(reply: str) -> tuple[Edit, ...] | NoDraft:
    """All SEARCH/REPLACE blocks of a reply, in order; `truncated` when the last one has no end."""
    edits: list[Edit] = []
    part: list[str] | None = None
    search: list[str] = []
    replace: list[str] = []
    for line in _lines(reply):
        if part is None:
            if _SEARCH.fullmatch(line):
                search, replace = [], []
                part = search
        elif part is search and _DIVIDER.fullmatch(line):
            part = replace
        elif part is replace and _REPLACE.fullmatch(line):
            edits.append(Edit(len(edits) + 1, tuple(search), tuple(replace)))
            part = None
        else:
            part.append(line)
    if part is not None:
        missing = "======= line" if part is search else ">>>>>>> REPLACE line"
        return NoDraft(reason=TRUNCATED, feedback=f"Block {len(edits) + 1} ends without its {missing}.")
    if not edits:
        return NoDraft(reason=NO_PROGRAM, feedback="The reply holds no SEARCH/REPLACE block.")
    return tuple(edits)


def apply_edits(source: str, edits: Sequence[Edit]) -> str | NoDraft:
    """The program after all edits, or why one does not apply.

    Each SEARCH part must stand exactly once: as it is, or else with other white space. CRLF programs stay CRLF.
    """
    if is_bundle(source):
        return _apply_to_files(source, edits)
    is_crlf = "\r\n" in source
    lines = _lines(source)
    for edit in edits:
        changed = _apply(lines, edit)
        if isinstance(changed, NoDraft):
            return changed
        if fixed_parts("\n".join(changed)) != fixed_parts("\n".join(lines)):
            return NoDraft(
                reason=OUTSIDE_BLOCK,
                feedback=f"Block {edit.number} changes lines outside the EVOLVE-BLOCK markers, or the markers. "
                "Only what stands between them may change.",
            )
        lines = changed
    return ("\r\n" if is_crlf else "\n").join(lines)


def _apply_to_files(source: str, edits: Sequence[Edit]) -> str | NoDraft:
    try:
        bundle = parse_bundle(source)
    except UserError as error:
        return NoDraft(reason=DOES_NOT_APPLY, feedback=str(error))
    for edit in edits:
        tried = {path: apply_edits(text, [edit]) for path, text in bundle.files.items()}
        fitting = {path: text for path, text in tried.items() if isinstance(text, str)}
        if len(fitting) > 1:
            where = ", ".join(fitting)
            return _no_match(edit, f"stands in {len(fitting)} files ({where}); take more lines into SEARCH.")
        if not fitting:
            return _nearest_refusal([refusal for refusal in tried.values() if isinstance(refusal, NoDraft)])
        ((path, text),) = fitting.items()
        bundle = bundle.replaced(path, text)
    return format_bundle(bundle)


def _nearest_refusal(refusals: Sequence[NoDraft]) -> NoDraft:
    """Of several files' refusals the one that says most: outside a block, ambiguous, with near lines, any."""

    def told(refusal: NoDraft) -> tuple[bool, bool, bool]:
        text = refusal.feedback
        return (refusal.reason != OUTSIDE_BLOCK, " times (at " not in text, "nearest lines" not in text)

    return min(refusals, key=told)


def _replace_files(source: str, program: str) -> str | NoDraft:
    """A file that the new program leaves out stays as it is; one that is not in the old one is refused."""
    try:
        before, after = parse_bundle(source), parse_bundle(program.lstrip("\n"))
    except UserError as error:
        return NoDraft(reason=NO_PROGRAM, feedback=f"{error}. Begin each file with its `=== file: PATH ===` line.")
    if unknown := [path for path in after.files if path not in before.files]:
        known = ", ".join(before.files)
        return NoDraft(reason=OUTSIDE_BLOCK, feedback=f"{unknown[0]!r} is none of the files that may change: {known}.")
    files = dict(before.files)
    for path, text in after.files.items():
        changed = replace_program(before.files[path], text)
        if isinstance(changed, NoDraft):
            return changed.model_copy(update={"feedback": f"{path}: {changed.feedback}"})
        files[path] = changed
    return format_bundle(Bundle(files))


def extract_program(reply: str) -> str | NoDraft:
    """The program in a reply's longest fenced block; `truncated` when that fence is never closed."""
    blocks: list[str] = []
    body: list[str] | None = None
    ticks = ""
    for line in _lines(reply):
        fence = _FENCE.fullmatch(line)
        if body is None:
            if fence:
                body, ticks = [], fence["ticks"]
        elif fence and fence["ticks"].startswith(ticks) and not fence["info"].strip():
            blocks.append("\n".join(body))
            body = None
        else:
            body.append(line)
    if body is not None and len("\n".join(body)) > max(map(len, blocks), default=0):
        return NoDraft(reason=TRUNCATED, feedback="The program's code fence is never closed: the reply was cut.")
    longest = max(blocks, key=len, default="")
    if not longest.strip():
        return NoDraft(reason=NO_PROGRAM, feedback="The reply holds no program in a code fence.")
    return longest + "\n"


def replace_program(source: str, program: str) -> str | NoDraft:
    """`program` in the place of `source`; where `source` has EVOLVE-BLOCK markers, only the blocks are taken over."""
    if is_bundle(source):
        return _replace_files(source, program)
    if _BLOCK_START not in source:
        return program
    if fixed_parts(source, strict=False) != fixed_parts(program, strict=False):
        return NoDraft(
            reason=OUTSIDE_BLOCK,
            feedback="The program differs from its parent outside the EVOLVE-BLOCK markers, or lacks the markers. "
            "Repeat everything outside them as it is.",
        )
    inner = iter(_segments(program)[1::2])
    merged = [segment if place % 2 == 0 else next(inner) for place, segment in enumerate(_segments(source))]
    return "\n".join(line for segment in merged for line in segment)


def program_from_reply(source: str, reply: str) -> str | NoDraft:
    """Edits when the reply holds any, else its whole program; always a whole program that keeps the markers."""
    if has_edits(reply):
        edits = parse_edits(reply)
        return edits if isinstance(edits, NoDraft) else apply_edits(source, edits)
    program = extract_program(reply)
    return program if isinstance(program, NoDraft) else replace_program(source, program)


def unified_diff(before: str, after: str, *, before_name: str = "before", after_name: str = "after") -> str:
    """A unified diff of two programs, file by file where they are of several; empty when they are the same."""
    if is_bundle(before) and is_bundle(after):
        try:
            return diff_bundles(parse_bundle(before), parse_bundle(after))
        except UserError:
            pass  # a program that broke its own headers is shown as the text that it is
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), fromfile=before_name, tofile=after_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)


def fixed_parts(source: str, *, strict: bool = True) -> tuple[tuple[str, ...], ...]:
    """What stands outside the EVOLVE-BLOCKs, marker lines included; nothing at all when there are no markers.

    `strict=False` compares without white space, as whole-program replies often re-indent.
    """
    if _BLOCK_START not in source:
        return ()
    fixed = _segments(source)[0::2]
    if strict:
        return tuple(tuple(segment) for segment in fixed)
    return tuple(tuple(bare for line in segment if (bare := _bare(line))) for segment in fixed)


def _segments(source: str) -> list[list[str]]:
    """Fixed and free lines in turn, beginning with fixed; markers are fixed. An unclosed block runs to the end."""
    segments: list[list[str]] = [[]]
    for line in _lines(source):
        inside = len(segments) % 2 == 0
        if inside and _BLOCK_END in line:
            segments.append([line])
        elif not inside and _BLOCK_START in line:
            segments[-1].append(line)
            segments.append([])
        else:
            segments[-1].append(line)
    return segments


def _apply(lines: list[str], edit: Edit) -> list[str] | NoDraft:
    wanted = _strip_blank_ends(edit.search)
    if not wanted:
        return _no_match(edit, "has an empty SEARCH part, so that its place is unknown.")
    exact = _places(lines, list(edit.search))
    if len(exact) == 1:
        start = exact[0]
        return [*lines[:start], *edit.replace, *lines[start + len(edit.search) :]]
    if len(exact) > 1:
        return _ambiguous(edit, exact)
    loose = _places([_bare(line) for line in lines], [_bare(line) for line in wanted])
    if len(loose) > 1:
        return _ambiguous(edit, loose)
    if not loose:
        return _no_match(edit, _describe_nearest(lines, wanted))
    start = loose[0]
    replacement = _reindent(_strip_blank_ends(edit.replace), wanted, lines[start : start + len(wanted)])
    return [*lines[:start], *replacement, *lines[start + len(wanted) :]]


def _places(lines: list[str], wanted: list[str]) -> list[int]:
    first, count = wanted[0], len(wanted)
    return [
        start
        for start in range(len(lines) - count + 1)
        if lines[start] == first and lines[start : start + count] == wanted
    ]


def _reindent(replacement: Sequence[str], wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    """Shift the new lines by as much as the SEARCH part was shifted against the program."""
    said, real = _indent(wanted[0]), _indent(found[0])
    if said == real:
        return list(replacement)
    if real.endswith(said):
        extra = real[: len(real) - len(said)]
        return [extra + line if line.strip() else line for line in replacement]
    if said.endswith(real):
        surplus = said[: len(said) - len(real)]
        return [line.removeprefix(surplus) for line in replacement]
    return list(replacement)


def _ambiguous(edit: Edit, starts: Sequence[int]) -> NoDraft:
    at = ", ".join(str(start + 1) for start in starts[:_SHOWN_LINES])
    return _no_match(
        edit, f"stands {len(starts)} times (at lines {at}); take more lines into SEARCH to name one place."
    )


def _no_match(edit: Edit, why: str) -> NoDraft:
    return NoDraft(reason=DOES_NOT_APPLY, feedback=f"Block {edit.number} {why}")


def _describe_nearest(lines: Sequence[str], wanted: Sequence[str]) -> str:
    """Where the program comes nearest to the SEARCH part, with the lines that stand there."""
    bare = [_bare(line)[:_LONGEST_LINE_COMPARED] for line in lines[:_MOST_LINES_COMPARED]]
    for offset, line in enumerate(wanted[:_MOST_LINES_TRIED]):
        near = difflib.get_close_matches(_bare(line)[:_LONGEST_LINE_COMPARED], [text for text in bare if text], 1, 0.6)
        if not near:
            continue
        start = max(bare.index(near[0]) - offset, 0)
        shown = lines[start : start + min(len(wanted), _SHOWN_LINES)]
        text = "\n".join(f"{start + place + 1}: {line[:_LONGEST_LINE_SHOWN]}" for place, line in enumerate(shown))
        return f"is not in the program. The nearest lines there are:\n{text}"
    first = next((line.strip() for line in wanted if line.strip()), "")
    return f'is not in the program; nothing there resembles "{first[:_LONGEST_LINE_SHOWN]}".'


def _strip_blank_ends(lines: Sequence[str]) -> list[str]:
    kept = list(lines)
    while kept and not kept[0].strip():
        kept.pop(0)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _lines(text: str) -> list[str]:
    """Split at line feeds only: form feeds and exotic separators are part of a program's lines."""
    return text.replace("\r\n", "\n").split("\n")


def _bare(line: str) -> str:
    return " ".join(line.split())


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
