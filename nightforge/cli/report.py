"""`nightforge report`: the morning report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.report.model import Report

PLAIN_NAME = re.compile(r"[\w.-]+")


def report(
    campaign_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Campaign id or prefix; else the newest.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--md", metavar="FILE", help="Write Markdown to FILE; `-` prints it.")
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Report a campaign: what was found, why it is believed, what it cost, what to try next."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, pick_campaign, resolve_settings
    from nightforge.report import build_report, gather
    from nightforge.report.markdown import to_markdown
    from nightforge.report.terminal import print_report

    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        campaign = pick_campaign(store, campaign_id)
        document = build_report(gather(store, campaign.campaign_id))
    if markdown is not None and str(markdown) == "-":
        output.text(to_markdown(document))
    elif markdown is not None:
        write_markdown(markdown, document)
        output.note(f"report: {markdown}")
    if output.json:
        output.record({"kind": "report", **document.model_dump(mode="json")})
    elif markdown is None:
        print_report(document, output.console())


def write_markdown(path: Path, report: Report) -> None:
    """With its pictures beside it. UserError where the place cannot be written."""
    from nightforge.errors import UserError
    from nightforge.report.markdown import picture_files, to_markdown

    # A name that Markdown could read otherwise gets no picture: the table says the same.
    pictures = path.stem if PLAIN_NAME.fullmatch(path.stem) else ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_markdown(report, pictures=pictures), encoding="utf-8")
        for name, svg in picture_files(report, pictures).items() if pictures else ():
            (path.parent / name).write_text(svg, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"the report cannot be written: {error.strerror}", where=str(path), hint="name another place with --md"
        ) from error
