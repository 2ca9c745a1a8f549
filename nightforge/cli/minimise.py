"""`nightforge minimise`: a winner without all that it does not need, and what each part of the rest brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, SandboxFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.minimisation import Minimisation
    from nightforge.settings import Settings

INTERRUPTED = 130


def minimise(
    ref: Annotated[str, typer.Argument(metavar="ID.NUMBER", help="A confirmed candidate of a campaign that rests.")],
    measurements: Annotated[
        int | None, typer.Option("--measurements", min=1, help="Cap on evaluations, duels and confirmations.")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0.01, help="Cap on wall time.")] = None,
    sandbox: SandboxFlag = None,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Leave out what a winner does not need, confirm what is left, and measure each remaining hunk's share of the gain.

    What is left becomes a candidate of the campaign. A run that ended early goes on where it was when asked again.
    """
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.reading import resolve_settings, split_ref
    from nightforge.errors import UserError

    settings = resolve_settings({"sandbox": sandbox, "unsafe_local": unsafe_local or None}).settings
    campaign_id, ordinal = split_ref(ref)
    if ordinal is None:
        raise UserError("a candidate is named ID.NUMBER", where=ref, hint="`nightforge show ID` lists them")
    seconds = None if minutes is None else 60 * minutes
    output.note("measuring; Ctrl-C ends it, and it goes on from there when asked again ...")
    full_id, found, pressed = asyncio.run(_run(settings, campaign_id, ordinal, measurements, seconds))
    _tell(output, full_id, found)
    if pressed:
        raise typer.Exit(INTERRUPTED)


async def _run(
    settings: Settings, campaign_id: str, ordinal: int, measurements: int | None, seconds: float | None
) -> tuple[str, Minimisation, bool]:
    import asyncio
    import signal

    from nightforge.cli.night import prepare_home
    from workflows.contract import Allowance, StopSwitch
    from workflows.night import open_night

    prepare_home(settings)
    stop = StopSwitch()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.press)
    try:
        async with open_night(settings, stop=stop) as night:
            full_id = night.store.campaign(campaign_id).campaign_id
            found = await night.minimise(full_id, ordinal, Allowance(measurements=measurements, seconds=seconds))
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return full_id, found, stop.draining


def _tell(output: Output, campaign_id: str, found: Minimisation) -> None:
    from nightforge.report.minimised import first_line, share_text, summary, why_dropped

    if output.json:
        output.record({"kind": "minimisation", "campaign_id": campaign_id, **found.model_dump(mode="json")})
        return
    output.text(summary(campaign_id, found))
    for hunk in found.hunks:
        word = "can go" if hunk.fate == "dropped" else share_text(hunk.share)
        why = why_dropped(found, hunk) if hunk.fate == "dropped" else hunk.note
        note = f" ({why})" if why else ""
        output.text(f"  {hunk.number:>3}  {word:<16} {first_line(hunk)}{note}")
    if found.minimal is not None and found.minimal != found.ordinal:
        output.note(f"what is left of it: nightforge diff {campaign_id}.{found.minimal} seed")
    if found.ended != "done":
        output.note(f"go on with: nightforge minimise {campaign_id}.{found.ordinal}")
