"""`nightforge diff`: a candidate's program against its parent, the seed or another candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.candidate import Candidate
    from nightforge.store import SqlStore


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A candidate, as ID.NUMBER.")],
    b: Annotated[
        str | None,
        typer.Argument(metavar="[B]", help="`parent` (the default), `seed`, a number, or another ID.NUMBER."),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Print the unified diff from B to A. The exit code is 0 whether they differ or not."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings
    from nightforge.report.text import clean
    from tools.patching import unified_diff

    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        newer = _candidate(store, a)
        older = _other(store, newer, b)
        before, after = _source(store, older), _source(store, newer)
        text = unified_diff(before, after, before_name=older.ref, after_name=newer.ref)
    if output.json:
        output.record({"kind": "diff", "from": older.ref, "to": newer.ref, "diff": text})
    elif text:
        output.text(clean(text))
    else:
        output.note(f"{older.ref} and {newer.ref} are the same program")


def _candidate(store: SqlStore, ref: str) -> Candidate:
    from nightforge.cli.reading import split_ref
    from nightforge.errors import UserError

    campaign_id, ordinal = split_ref(ref)
    if ordinal is None:
        raise UserError("a candidate is named ID.NUMBER", where=ref, hint=f"as `{ref}.0` for its seed")
    return store.candidate(store.campaign(campaign_id).campaign_id, ordinal)


def _other(store: SqlStore, newer: Candidate, name: str | None) -> Candidate:
    from nightforge.errors import UserError

    if name is None or name == "parent":
        if not newer.parents:
            raise UserError("it is the seed and has no parent", where=newer.ref, hint="name another candidate as B")
        return store.candidate(newer.campaign_id, newer.parents[0])
    if name == "seed":
        return store.candidate(newer.campaign_id, 0)
    if name.isdecimal():
        return store.candidate(newer.campaign_id, int(name))
    return _candidate(store, name)


def _source(store: SqlStore, candidate: Candidate) -> str:
    from nightforge.errors import NotFound

    if candidate.code_sha is None:
        raise NotFound("it has no program", where=candidate.ref, hint="it was dropped before a program was written")
    return store.source(candidate.code_sha)
