"""`nightforge db`: a copy of the database, and its garbage."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

app = typer.Typer(no_args_is_help=True, help="Back up the database and collect its garbage.")
CHECKPOINTS_KEPT_S = 86400.0
"""Questions and plans that wait for an answer live in the checkpoints of their process."""


@app.command("backup", short_help="Copy the database while campaigns run.")
def backup(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; else beside the database, with the time.")
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Copy the database while campaigns run. The copy is a database: NIGHTFORGE_DATABASE_URL can name it."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings
    from nightforge.store.maintenance import backup as copy_to

    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        place = store.where
    target = file or settings.home / "backups" / time.strftime(f"{Path(place).stem}-%Y%m%d-%H%M%S.db")
    size = copy_to(settings.database_url, target.absolute())
    if output.json:
        output.record({"kind": "backup", "file": str(target), "bytes": size})
    else:
        output.text(f"{target}: {size / 1e6:.1f} MB")


@app.command("gc", short_help="Delete what nothing refers to.")
def gc(json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False) -> None:
    """Delete what no row refers to, and old checkpoints; the file shrinks when no campaign runs."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings
    from nightforge.report.states import is_alive
    from nightforge.store.maintenance import collect

    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        running = [one.campaign_id for one in store.campaigns(limit=1000) if is_alive(store, one)]
    found = collect(settings.database_url, rewrite=not running)
    checkpoints = _drop_checkpoints(settings.home) if not running else 0
    if output.json:
        sizes = {"bytes_before": found.bytes_before, "bytes_after": found.bytes_after}
        output.record(
            {"kind": "gc", "blobs": found.blobs, "checkpoint_bytes": checkpoints, "running": running, **sizes}
        )
        return
    output.text(
        f"{found.blobs} texts without a row deleted, {checkpoints / 1e6:.1f} MB of old checkpoints; "
        f"database {found.bytes_before / 1e6:.1f} MB, now {found.bytes_after / 1e6:.1f} MB"
    )
    if running:
        output.note(f"the file was not rewritten: {', '.join(running)} runs")


def _drop_checkpoints(home: Path) -> int:
    """Bytes freed. Only when nothing has written to them for a day: each process starts with new ones."""
    files = [one for one in home.glob("checkpoints.db*") if one.is_file()]
    if not files or max(one.stat().st_mtime for one in files) > time.time() - CHECKPOINTS_KEPT_S:
        return 0
    freed = sum(one.stat().st_size for one in files)
    for one in files:
        one.unlink(missing_ok=True)
    return freed
