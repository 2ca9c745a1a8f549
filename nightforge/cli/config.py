"""`nightforge config`: effective settings with their origin, and where the files are."""

from __future__ import annotations

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

app = typer.Typer(
    help="Settings: effective values with their origin, and the files they are read from.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("show", short_help="Print every effective setting and its origin.")
def show(json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False) -> None:
    """Print every effective setting and the layer that set it. Secrets are only said to be set or not."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.settings import Settings, load_settings

    resolved = load_settings()
    rows = [(name, resolved.shown(name), resolved.origins[name]) for name in Settings.model_fields]
    for variable in resolved.unknown_variables:
        output.note(f"warning: {variable} names no setting and is ignored")
    if output.json:
        output.record(
            {"kind": "config", "settings": {name: {"value": value, "origin": where} for name, value, where in rows}}
        )
        return
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, where in rows:
        output.text(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {where}")


@app.command("path", short_help="Print the configuration files and the folder of data.")
def path(json: JsonFlag = False, quiet: QuietFlag = False, verbose: VerboseFlag = False) -> None:
    """Print the configuration files, lowest layer first, and the folder of data."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.settings import load_settings

    resolved = load_settings()
    places = {**resolved.files, "home": resolved.settings.home}
    if output.json:
        output.record(
            {
                "kind": "paths",
                **{name: {"path": str(place), "exists": place.exists()} for name, place in places.items()},
            }
        )
        return
    for name, place in places.items():
        output.text(f"{name:<8} {place}{'' if place.exists() else '  (not there)'}")
