"""Keep what campaigns on kernel tasks found: the best program of each, replayable, with how it came about.

    python -m benchmarks.kernel_examples CAMPAIGN [CAMPAIGN ...] [--load WORDS]

writes `examples/kernels/TASK/`: the program, `artifact.json` (for `nightforge replay`), `found.json` (for
`nightforge bench kernels`), `changes.diff`. All of it is read from the database of NIGHTFORGE_HOME; nothing is typed
in.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from nightforge import __version__
from nightforge.cli.reading import opened_store
from nightforge.domain.artifact import ARTIFACT_FILE
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.evidence import Calibration
from nightforge.errors import NotFound, UserError
from nightforge.report.bundle import files_of
from nightforge.report.data import ranked_for_people, shown_evidence, stated_metric
from nightforge.settings import load_settings
from nightforge.store import SqlStore
from workflows.kernel_bench import EXAMPLE_FILE, Found

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "kernels"
KEPT = ("changes.diff", ARTIFACT_FILE)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("campaigns", nargs="+", metavar="CAMPAIGN")
    parser.add_argument("--load", default="", help="what else the machine did meanwhile, in words")
    parser.add_argument("--into", type=Path, default=EXAMPLES)
    given = parser.parse_args(argv)
    with opened_store(load_settings().settings.database_url) as store:
        for name in given.campaigns:
            folder = keep(store, store.campaign(name), given.into, load=given.load)
            print(folder)
    return 0


def keep(store: SqlStore, campaign: Campaign, into: Path, *, load: str) -> Path:
    """Write the best candidate that is not the seed. NotFound where there is none; UserError for another track."""
    if campaign.plan.parameters.get("threads", 1) != 1:
        raise UserError(
            "is of several threads", where=campaign.campaign_id, hint="examples/kernels holds results of one thread"
        )
    best = next((one for one in ranked_for_people(store, campaign.campaign_id, limit=20) if one.ordinal), None)
    if best is None:
        raise NotFound("nothing but the seed was measured", where=campaign.campaign_id, hint="run it for longer")
    files = files_of(store, campaign, best)
    program = next(name for name in files if name.startswith("program."))
    folder = into / campaign.plan.task
    folder.mkdir(parents=True, exist_ok=True)
    for name in (program, *KEPT):
        (folder / name).write_bytes(files[name])
    found = found_of(store, campaign, best, program, load)
    (folder / EXAMPLE_FILE).write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return folder


def found_of(store: SqlStore, campaign: Campaign, best: Candidate, program: str, load: str) -> Found:
    plan = campaign.plan
    calibration = store.document(campaign.campaign_id, "calibration", Calibration)
    speedup = stated_metric(best, plan.objectives[0].metric)
    if calibration is None or speedup is None or shown_evidence(best) is None or best.code_sha is None:
        raise NotFound("it was not measured", where=best.ref, hint="run the campaign to its end")
    return Found(
        task=plan.task,
        program=program,
        sha256=best.code_sha,
        campaign=campaign.campaign_id,
        ordinal=best.ordinal,
        goal=plan.goal,
        team=plan.team.value,
        preset=plan.search.preset,
        seed=plan.search.seed,
        evaluations=campaign.tally.evaluations,
        active_minutes=round(campaign.tally.active_s / 60, 1),
        how=lineage(store, best),
        state=best.state.value,
        speedup=speedup,
        reference=calibration.reference,
        machine=calibration.machine,
        load=load,
        version=__version__,
        at=datetime.now(UTC),
    )


def lineage(store: SqlStore, best: Candidate) -> tuple[str, ...]:
    """From the seed to it, by first parents."""
    line, one = [], best
    while one.ordinal:
        line.append(f"{one.operator_name or one.operator}: {one.note}")
        one = store.candidate(one.campaign_id, one.parents[0])
    return ("seed", *reversed(line))


if __name__ == "__main__":
    raise SystemExit(main())
