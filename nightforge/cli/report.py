"""`nightforge report`: the morning report."""

from __future__ import annotations

import re
from datetime import UTC, datetime
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
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained HTML file; `-` prints it.")
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Report a campaign, finished or not: what was found, why it is believed, what it cost, what to try next."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, pick_campaign, resolve_settings
    from nightforge.report import build_report, gather
    from nightforge.report.states import standing
    from nightforge.report.terminal import print_report

    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        campaign, _ = standing(store, pick_campaign(store, campaign_id))
        document = build_report(gather(store, campaign.campaign_id), now=datetime.now(UTC))
    _write_asked(output, document, markdown, html)
    if output.json:
        output.record({"kind": "report", **document.model_dump(mode="json")})
    elif markdown is None and html is None:
        print_report(document, output.console())


def _write_asked(output: Output, document: Report, markdown: Path | None, html: Path | None) -> None:
    from nightforge.report.html import to_html
    from nightforge.report.markdown import to_markdown

    for path, as_text, write in ((markdown, to_markdown, write_markdown), (html, to_html, write_html)):
        if path is not None and str(path) == "-":
            output.text(as_text(document))
        elif path is not None:
            write(path, document)
            output.note(f"report: {path}")


def write_all(folder: Path, name: str, report: Report) -> dict[str, Path]:
    """`NAME.html`, `NAME.md` with its pictures, `NAME.json`, by kind. UserError where they cannot be written."""
    paths = {kind: folder / f"{name}.{kind}" for kind in ("html", "md", "json")}
    write_html(paths["html"], report)
    write_markdown(paths["md"], report)
    _write(paths["json"], {"": report.model_dump_json(indent=1) + "\n"}, "")
    return paths


def write_html(path: Path, report: Report) -> None:
    """UserError where the place cannot be written."""
    from nightforge.report.html import to_html

    _write(path, {"": to_html(report)}, "--html")


def _write(path: Path, texts: dict[str, str], flag: str) -> None:
    """`texts` by the name of the file beside `path`, empty for `path` itself. Each file is whole or not there."""
    from nightforge.errors import UserError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            place = path.parent / name if name else path
            beside = place.with_name(f".{place.name}.new")
            beside.write_text(text, encoding="utf-8")
            beside.replace(place)
    except OSError as error:
        hint = f"name another place with {flag}" if flag else "mend the rights of the folder"
        raise UserError(f"the report cannot be written: {error.strerror}", where=str(path), hint=hint) from error


def write_markdown(path: Path, report: Report) -> None:
    """With its pictures beside it. UserError where the place cannot be written."""
    from nightforge.report.markdown import picture_files, to_markdown

    # A name that Markdown could read otherwise gets no picture: the table says the same.
    pictures = path.stem if PLAIN_NAME.fullmatch(path.stem) else ""
    texts = {"": to_markdown(report, pictures=pictures)}
    _write(path, texts | (picture_files(report, pictures) if pictures else {}), "--md")
