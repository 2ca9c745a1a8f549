"""The hidden `prepare`: what the web pages start to read a draft's goal and to measure its baselines."""

from __future__ import annotations

from typing import Annotated

import typer

from nightforge.cli.options import QuietFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output


def prepare(
    campaign_id: Annotated[str, typer.Argument(metavar="ID", help="Campaign id.")],
    unsafe_local: UnsafeFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Go on with a draft as far as no person is needed. `serve` starts this."""
    Output.open(json=False, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.reading import resolve_settings
    from workflows.drafting import prepare as go_on
    from workflows.house import open_house

    settings = resolve_settings({"unsafe_local": unsafe_local or None}).settings

    async def work() -> None:
        async with open_house(settings) as house:
            await go_on(house, house.store.campaign(campaign_id).campaign_id)

    asyncio.run(work())
