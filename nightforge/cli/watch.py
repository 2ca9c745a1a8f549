"""`run --detach` and the hidden `watch`: a campaign that goes on without this terminal, and comes back when it dies."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import QuietFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.settings import Settings


def watch(
    campaign_id: Annotated[str, typer.Argument(metavar="ID", help="Campaign id.")],
    afresh: Annotated[bool, typer.Option("--afresh", help="As a person: a stop of before is over.")] = False,
    unsafe_local: UnsafeFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Run an approved campaign and start it again when it dies. `run --detach` and `serve` start this."""
    Output.open(json=False, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings
    from sandbox.detached import own_command
    from workflows.watch import Watcher

    settings = resolve_settings({"unsafe_local": unsafe_local or None}).settings
    with opened_store(settings.database_url) as store:
        campaign_id = store.campaign(campaign_id).campaign_id
    words = ["resume", campaign_id, "--yes", "--quiet", *(["--unsafe-local"] if unsafe_local else [])]
    watched = own_command(*words, "--watched")
    log = settings.logs_dir / f"{campaign_id}.log"
    first = own_command(*words) if afresh else None
    code = Watcher(campaign_id, settings.database_url, watched, log, first_command=first).run()
    if code:
        raise typer.Exit(code)


def detach(settings: Settings, output: Output, campaign_id: str) -> None:
    """Hand an approved campaign over to its watcher."""
    from sandbox.detached import own_command, start_detached

    log = settings.logs_dir / f"{campaign_id}.log"
    flags = ["--unsafe-local"] if settings.unsafe_local else []
    keeper = start_detached(f"nightforge-{campaign_id}", own_command("watch", campaign_id, *flags), log)
    if output.json:
        output.record({"kind": "detached", "campaign_id": campaign_id, "keeper": keeper, "log": str(log)})
    else:
        output.text(f"{campaign_id} goes on by itself ({keeper}); its log: {log}")
        output.note(f"look: nightforge show {campaign_id}; end it: nightforge stop {campaign_id}")


def read_moment(until: str | None) -> str | None:
    """`read_until` by the clock of this machine."""
    from workflows.steering import read_until

    return None if until is None else read_until(until, now=datetime.now().astimezone())
