"""`nightforge export`: a candidate leaves the database, as a folder that proves itself or as a patch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, SandboxFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.candidate import Campaign, Candidate
    from nightforge.domain.task import Task
    from nightforge.settings import Settings
    from nightforge.store import SqlStore


def export(
    ref: Annotated[str, typer.Argument(metavar="ID.NUMBER", help="A candidate.")],
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="A folder that is not there yet, or is empty.")
    ] = None,
    patch: Annotated[
        Path | None, typer.Option("--patch", metavar="FILE", help="Write a patch for your own tree; `-` prints it.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="PATH", help="With --patch: your file's path in that tree.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Export a suspicious candidate all the same.")] = False,
    sandbox: SandboxFlag = None,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write a candidate's program, evidence and provenance to a folder that `reproduce` there checks anywhere.

    With --patch: what it changes, as a patch for `git apply`.
    """
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings, split_ref
    from nightforge.errors import UserError
    from nightforge.report.bundle import check_may_leave

    settings = resolve_settings({"sandbox": sandbox, "unsafe_local": unsafe_local or None}).settings
    name, ordinal = split_ref(ref)
    if ordinal is None:
        raise UserError("a candidate is named ID.NUMBER", where=ref, hint="`nightforge show ID` lists them")
    if folder is None and patch is None:
        raise UserError("there is no place to write to", where="export", hint="name a folder, or --patch FILE")
    with opened_store(settings.database_url) as store:
        campaign = store.campaign(name)
        candidate = store.candidate(campaign.campaign_id, ordinal)
        check_may_leave(candidate, force=force)
        files = _files(settings, store, campaign, candidate)
        if patch is not None:
            text, path = _patch_text(store, campaign, candidate, files, file)
            _patch(output, campaign, candidate, text, path, patch)
    if folder is not None:
        _folder(output, candidate, files, folder)


def _files(settings: Settings, store: SqlStore, campaign: Campaign, candidate: Candidate) -> dict[str, bytes]:
    """With what the evaluator adds by running tools."""
    import asyncio

    from nightforge.catalogue import find_task
    from nightforge.cli.replay import evaluator_for
    from nightforge.domain.artifact import OffersExport
    from nightforge.report.bundle import readme, source_of, whole_bundle

    files = whole_bundle(store, campaign, candidate)
    task = find_task(campaign.plan.task)
    if not _runs_tools(task):
        return files
    evaluator = evaluator_for(settings, task)
    assert isinstance(evaluator, OffersExport)
    source = source_of(store, candidate)
    files |= asyncio.run(evaluator.export(source, task, campaign.plan.parameters))
    return files | {"README.md": readme(campaign, candidate, files, HARDWARE).encode()}


def _runs_tools(task: Task) -> bool:
    from nightforge.domain.artifact import OffersExport
    from nightforge.registry import EVALUATORS, load
    from nightforge.report.bundle import NoSandbox

    factory = load(EVALUATORS, task.domain)
    return callable(factory) and isinstance(factory(NoSandbox()), OffersExport)


HARDWARE = {
    "original.v": "what it was held against",
    "design.v": "the design: the program, or what its generator printed",
    "netlist.v": "its gates",
    "prove.sh": "proves with yosys and ABC alone that the design computes what the original does",
}


def _folder(output: Output, candidate: Candidate, files: dict[str, bytes], folder: Path) -> None:
    from nightforge.domain.words import EvidenceClass
    from nightforge.report.bundle import write_folder

    write_folder(folder, files)
    kind = candidate.evidence.evidence_class if candidate.evidence else EvidenceClass.ISOLATED
    if output.json:
        record = {"kind": "export", "candidate": candidate.ref, "files": [str(folder / name) for name in files]}
        output.record({**record, "evidence_class": kind.value})
    else:
        output.text("\n".join(str(folder / name) for name in files))
        output.note(f"check it: {folder / 'reproduce'}")
    if not kind.can_be_confirmed:
        output.note(f"evidence {kind.value}: {kind.meaning}")


def _patch_text(
    store: SqlStore, campaign: Campaign, candidate: Candidate, files: dict[str, bytes], file: str | None
) -> tuple[str, str]:
    """Between what the user had and what it became, and the user's path; no path where the patch names them itself."""
    from nightforge.catalogue import find_task
    from nightforge.cli.patch import own_patch
    from nightforge.domain.artifact import ORIGINAL, RESULT
    from nightforge.errors import UserError
    from nightforge.report.bundle import patch_text, source_of

    task = find_task(campaign.plan.task)
    own = own_patch(task, files)
    if own is not None:
        return own.decode(), ""
    if ORIGINAL in files and RESULT in files:
        before, after = files[ORIGINAL].decode(), files[RESULT].decode()
    else:
        before = source_of(store, store.candidate(candidate.campaign_id, 0))
        after = source_of(store, candidate)
    path = file or task.seed
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise UserError(f"{path} leaves the tree", where="--file", hint="give the path from the top of your tree")
    return patch_text(before, after, path), path


def _patch(output: Output, campaign: Campaign, candidate: Candidate, text: str, path: str, place: Path) -> None:
    """Written or printed; one for the user's own tree is tried there."""
    from nightforge.catalogue import find_task
    from nightforge.cli.patch import check_patch
    from nightforge.errors import UserError

    if not text:
        output.note(f"{candidate.ref} is the program that it was made from: there is nothing to patch")
    if str(place) == "-":
        output.text(text)
        return
    try:
        place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=str(place), hint="name another place") from error
    if output.json:
        output.record({"kind": "patch", "candidate": candidate.ref, "file": str(place), "path": path})
    else:
        output.text(str(place))
    if text and not path:
        check_patch(output, find_task(campaign.plan.task), text.encode(), place)
    elif text and not output.json:
        output.note(f"in your tree: git apply --check {place} && git apply {place}")
