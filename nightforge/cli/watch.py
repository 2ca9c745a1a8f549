"""`run --detach` and the hidden `watch`: a campaign that goes on without this terminal, and comes back when it dies."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import QuietFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.settings import Settings


def watch(
    campaign_id: Annotated[str, typer.Argument(metavar="ID", help="Campaign id.")],
    unsafe_local: UnsafeFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Run an approved campaign and start it again when it dies. `run --detach` starts this."""
    Output.open(json=False, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings
    from sandbox.detached import own_command
    from workflows.watch import Watcher

    settings = resolve_settings({"unsafe_local": unsafe_local or None}).settings
    with opened_store(settings.database_url) as store:
        campaign_id = store.campaign(campaign_id).campaign_id
    words = ["resume", campaign_id, "--yes", "--watched", "--quiet", *(["--unsafe-local"] if unsafe_local else [])]
    log = settings.logs_dir / f"{campaign_id}.log"
    code = Watcher(campaign_id, settings.database_url, own_command(*words), log).run()
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


def read_until(text: str, *, now: datetime) -> str:
    """A time of day (its next coming) or a date with time, as ISO with zone; UserError for others and for the past."""
    from nightforge.errors import UserError

    hint = "as --until 07:00 or --until 2030-01-31T07:00"
    try:
        if len(text) <= 5:
            clock = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 - only its hour and minute are used
            moment = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
            moment = moment if moment > now else moment + timedelta(days=1)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=now.tzinfo)
    except ValueError:
        raise UserError(f"{text!r} is no time", where="--until", hint=hint) from None
    if moment <= now:
        raise UserError(f"{text} has passed", where="--until", hint=hint)
    return moment.isoformat(timespec="seconds")


def read_moment(until: str | None) -> str | None:
    """`read_until` by the clock of this machine."""
    return None if until is None else read_until(until, now=datetime.now().astimezone())
