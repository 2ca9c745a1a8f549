"""`nightforge doctor`: what this machine has, what is missing, how to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output


def doctor(
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Only the sandbox, each tier against the whole conformance suite.")
    ] = False,
    model: Annotated[
        bool, typer.Option("--model", help="Only the models of the settings, each by a few paid requests.")
    ] = False,
    max_usd: Annotated[float, typer.Option("--max-usd", min=0, help="With --model: cap on dollars for each.")] = 0.25,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Check packages, sandbox, compiler, store, model access and tools. Exit 6 when a needed thing is missing."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.doctor import Finding, Level, examine, examine_sandbox

    findings: list[Finding] = []
    if sandbox:
        findings += examine_sandbox()
    if model:
        from nightforge.cli.doctor_model import examine_models

        findings += examine_models(output, max_usd=max_usd)
    if not sandbox and not model:
        findings += examine()
    failed = [finding.check for finding in findings if finding.level is Level.FAIL]
    if output.json:
        output.record(
            {"kind": "doctor", "ok": not failed, "findings": [finding.model_dump(mode="json") for finding in findings]}
        )
    else:
        for finding in findings:
            output.text(f"{finding.level.value:<4}  {finding.check:<18} {finding.found}")
            for line in finding.fix.splitlines():
                output.text(f"      {'':<18} {line}")
    if failed:
        output.note(f"missing: {', '.join(failed)}")
        raise typer.Exit(6)
