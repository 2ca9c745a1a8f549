"""The report of a task's last check, kept in its folder as `integrity.json`."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from nightforge.domain.integrity import IntegrityReport, IntegritySummary
from nightforge.domain.task import Task
from nightforge.errors import UserError
from nightforge.fingerprint import INTEGRITY_FILE, digest_tree


def write_report(path: Path, report: IntegrityReport) -> None:
    """Replace the file at once; UserError when the folder cannot be written."""
    draft = path.with_suffix(".json.new")
    try:
        draft.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise UserError(
            f"the report cannot be written: {error.strerror}", where=str(path), hint="name another place with --output"
        ) from error


def read_report(task: Task) -> IntegrityReport | None:
    """None where the task was never checked. Raises UserError for a file that is no report."""
    path = task.root / INTEGRITY_FILE
    try:
        return IntegrityReport.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise UserError(
            f"is no integrity report: {error}", where=str(path), hint="delete it, or check again"
        ) from error


def summarise(task: Task) -> IntegritySummary:
    """What the plan card shows; a report of another state of the folder is out of date."""
    try:
        report = read_report(task)
    except UserError as error:
        return IntegritySummary(problem=str(error))
    if report is None:
        return IntegritySummary(problem="never checked")
    if report.digest != digest_tree(task.root):
        return IntegritySummary(problem="the task has changed since its check")
    mutation = report.mutation
    return IntegritySummary(
        checked_at=report.made_at,
        score=None if mutation is None else mutation.score,
        counts={} if mutation is None else {fate.value: count for fate, count in mutation.counts.items()},
        survivors=()
        if mutation is None
        else tuple(f"{one.mutant_id} {one.before} → {one.after} ({one.why})" for one in mutation.survivors),
        complaints=report.complaints,
    )
