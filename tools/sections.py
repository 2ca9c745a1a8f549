"""Operators on programs of several files: each sees one file, in that file's own language.

Nothing that an operator proposes can reach beyond its file, or beyond the EVOLVE-BLOCKs that the file has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nightforge.domain.bundle import BLOCK_START, LANGUAGE, Bundle, format_bundle, language_of, parse_bundle
from nightforge.domain.team import Draft, Operator, OperatorContext, Program
from nightforge.domain.words import OperatorKind
from nightforge.errors import UserError
from tools.patching import fixed_parts

LANGUAGES: frozenset[str] = frozenset({LANGUAGE})


class Sectioned:
    """An operator for single files, on every file of a bundle that is in one of its languages.

    Proposals come file by file in turn, so that a long list for one file does not hide the others.
    """

    def __init__(self, inner: Operator, prior: float, *, structural: bool) -> None:
        self.inner = inner
        self.name = inner.name
        self.kind = inner.kind
        self.languages = LANGUAGES
        self.prior = prior
        self.structural = structural
        self.draws = bool(getattr(inner, "draws", False))
        self.on_request = bool(getattr(inner, "on_request", False))

    def fits(self, source: str) -> bool:
        """Whether the program has a file for it at all."""
        return any(self._speaks(path) and fits(self.inner, text) for path, text in _files(source).items())

    def _speaks(self, path: str) -> bool:
        return not self.inner.languages or language_of(path) in self.inner.languages

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        bundle = _parsed(context.parent)
        if bundle is None:
            return ()
        queues = [[*self._of_file(context, bundle, path)] for path in bundle.files if self._speaks(path)]
        drafts: list[Draft] = []
        while any(queues):
            drafts.extend(queue.pop(0) for queue in queues if queue)
        return tuple(drafts)

    def _of_file(self, context: OperatorContext, bundle: Bundle, path: str) -> Iterator[Draft]:
        text = bundle.files[path]
        asked = context.model_copy(
            update={
                "language": language_of(path),
                "parent": context.parent.model_copy(update={"source": text}),
                "partners": _sections(context.partners, path),
                "history": _alike(context.history, bundle, path),
            }
        )
        for draft in self.inner.propose(asked):
            if draft.source == text or not _keeps_blocks(text, draft.source):
                continue
            whole = format_bundle(bundle.replaced(path, draft.source))
            note = f"{path}: {draft.note}" if len(bundle.files) > 1 else draft.note
            yield draft.model_copy(update={"source": whole, "note": note})


class CrossFiles:
    """The operator `crossover.files`: a partner's file in the place of ours, where they differ in more than one."""

    name = "crossover.files"
    kind = OperatorKind.CROSSOVER
    languages: frozenset[str] = LANGUAGES
    prior = 0.3
    structural = False

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        bundle = _parsed(context.parent)
        if bundle is None:
            return ()
        drafts = []
        for partner in context.partners:
            other = _parsed(partner)
            if other is None or other.files.keys() != bundle.files.keys():
                continue
            differing = [path for path, text in bundle.files.items() if other.files[path] != text]
            for path in differing if len(differing) > 1 else ():
                source = format_bundle(bundle.replaced(path, other.files[path]))
                note = f"{path} from candidate {partner.ordinal}"
                drafts.append(Draft(source=source, operator=self.kind, operator_name=self.name, note=note))
        return tuple(drafts)


def _parsed(program: Program) -> Bundle | None:
    try:
        return parse_bundle(program.source)
    except UserError:
        return None


def fits(operator: Operator, source: str) -> bool:
    """Whether an operator has anything to do in such a program; one that does not say is taken to have."""
    asked = getattr(operator, "fits", None)
    return asked is None or bool(asked(source))


def _files(source: str) -> Mapping[str, str]:
    try:
        return parse_bundle(source).files
    except UserError:
        return {}


def _sections(programs: Sequence[Program], path: str) -> tuple[Program, ...]:
    found = [(program, _parsed(program)) for program in programs]
    return tuple(
        program.model_copy(update={"source": bundle.files[path]})
        for program, bundle in found
        if bundle is not None and path in bundle.files
    )


def _alike(history: Sequence[Program], bundle: Bundle, path: str) -> tuple[Program, ...]:
    """What was measured of this file while the others were as they are now: only those scores compare."""
    others = {name: text for name, text in bundle.files.items() if name != path}
    kept = []
    for program in history:
        found = _parsed(program)
        if found is not None and {name: text for name, text in found.files.items() if name != path} == others:
            kept.append(program)
    return _sections(kept, path)


def _keeps_blocks(before: str, after: str) -> bool:
    return BLOCK_START not in before or fixed_parts(before) == fixed_parts(after)
