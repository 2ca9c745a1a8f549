"""`nightforge replay`: a result is held to what it says, from the database or from the folder that it left with."""

from __future__ import annotations

import secrets
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, SandboxFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightforge.domain.artifact import Artifact, Disagreement
    from nightforge.domain.evidence import Evidence
    from nightforge.domain.ports import Evaluator
    from nightforge.domain.task import Task
    from nightforge.settings import Settings

DISAGREES = 4


def replay(
    ref: Annotated[str, typer.Argument(metavar="ID.NUMBER|FOLDER", help="A candidate, or where one was exported.")],
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Another seed than the one that is stored.")] = None,
    sandbox: SandboxFlag = None,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Evaluate a result again, proof and all, and compare with what is stored. Exit 4 when they disagree."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.catalogue import find_task
    from nightforge.cli.reading import resolve_settings
    from nightforge.domain.artifact import compare

    settings = resolve_settings({"sandbox": sandbox, "unsafe_local": unsafe_local or None}).settings
    is_place = "/" in ref or Path(ref).is_dir() or ref.endswith(".json")
    artifact, source = _exported(Path(ref)) if is_place else _stored(settings, ref)
    task = find_task(artifact.task)
    evaluator = evaluator_for(settings, task)
    stored = next((stage.seed for stage in artifact.evidence.stages if stage.seed is not None), None)
    fixed = stored if seed is None else seed
    found, band = asyncio.run(
        _again(output, settings, evaluator, task, artifact, source, secrets.randbits(63) if fixed is None else fixed)
    )
    same_question = fixed == stored and stored is not None and _repeats(evaluator, artifact.evidence)
    differences = compare(artifact.evidence, found, band=band, only=None if same_question else artifact.judged)
    raise typer.Exit(_tell(output, artifact, found, differences))


def _tell(output: Output, artifact: Artifact, found: Evidence, differences: Sequence[Disagreement]) -> int:
    from nightforge.cli.words import clean, columns, evidence_lines
    from nightforge.domain.artifact import changed_tools, proofs
    from nightforge.report.states import class_note

    tools = changed_tools(artifact.evidence, found)
    classes = ", ".join(proofs(found))
    if output.json:
        output.record(
            {
                "kind": "replay",
                "candidate": artifact.candidate,
                "agrees": not differences,
                "proof": classes,
                "differences": [one.model_dump(mode="json") for one in differences],
                "changed_tools": {name: list(pair) for name, pair in tools.items()},
                "evidence": found.model_dump(mode="json"),
            }
        )
        return DISAGREES if differences else 0
    proof = f"; proof: {classes}" if classes else ""
    if differences:
        rows = [("", "stored", "now"), *((one.what, one.stored, one.found) for one in differences)]
        output.text(f"{artifact.candidate} disagrees with what is stored{proof}\n{clean(columns(rows))}")
        output.text("\n".join(evidence_lines(found)))
    else:
        count = f"{len(found.metrics)} metrics{class_note(found)}{proof}"
        output.text(f"{artifact.candidate} agrees with what is stored ({count})")
    for name, (before, now) in tools.items():
        output.note(clean(f"{name} was {before!r} then and is {now!r} now"))
    return DISAGREES if differences else 0


async def _again(
    output: Output, settings: Settings, evaluator: Evaluator, task: Task, artifact: Artifact, source: str, seed: int
) -> tuple[Evidence, float]:
    """Evidence of the same phase, and how far metrics may lie apart: not at all where nothing is timed."""
    from nightforge.cli.evaluate import count_look
    from nightforge.domain.words import Phase

    phase = artifact.evidence.phase
    output.note("measuring the baselines and the noise ...")
    calibration = await evaluator.calibrate(task, artifact.parameters, seed=seed)
    if phase is Phase.CONFIRMATION:
        await count_look(settings.database_url, task)
    output.note("evaluating ...")
    found = await evaluator.evaluate(source, task, artifact.parameters, seed=seed, phase=phase, calibration=calibration)
    return found, 0.0 if _repeats(evaluator, artifact.evidence) else calibration.band


def _repeats(evaluator: Evaluator, evidence: Evidence) -> bool:
    """Whether the same seed gives the same numbers: a clock does not, and an evaluator not ours promises nothing."""
    from nightforge.domain.words import EvidenceClass

    return evaluator.clock is None and evidence.evidence_class is EvidenceClass.ISOLATED


def _stored(settings: Settings, ref: str) -> tuple[Artifact, str]:
    """From the database. NotFound for a candidate that was never evaluated."""
    from nightforge.cli.reading import opened_store, split_ref
    from nightforge.errors import UserError
    from nightforge.report.bundle import artifact_of, source_of

    name, ordinal = split_ref(ref)
    if ordinal is None:
        raise UserError("a candidate is named ID.NUMBER", where=ref, hint="`nightforge show ID` lists them")
    with opened_store(settings.database_url) as store:
        campaign = store.campaign(name)
        candidate = store.candidate(campaign.campaign_id, ordinal)
        source = source_of(store, candidate)
    return artifact_of(campaign, candidate, source), source


def _exported(place: Path) -> tuple[Artifact, str]:
    """From a folder. UserError when it is none, or its program is not the one that was exported."""
    from pydantic import ValidationError

    from nightforge.catalogue import describe_validation
    from nightforge.domain.artifact import ARTIFACT_FILE, Artifact
    from nightforge.errors import NotFound, UserError

    path = place / ARTIFACT_FILE if place.is_dir() else place
    try:
        artifact = Artifact.model_validate_json(path.read_bytes())
        program = (path.parent / Path(artifact.program).name).read_bytes()
    except ValidationError as error:
        raise UserError(describe_validation(error), where=str(path), hint="`nightforge export` writes it") from error
    except OSError as error:
        raise NotFound(
            f"cannot be read: {error.strerror}", where=str(error.filename or path), hint="`nightforge export` writes it"
        ) from error
    if sha256(program).hexdigest() != artifact.sha256:
        raise UserError(
            "is not the program that was exported",
            where=str(path.parent / artifact.program),
            hint=f"`nightforge eval --task {artifact.task}` evaluates a changed one",
        )
    if artifact.task.startswith("./"):  # the task left with it
        artifact = artifact.model_copy(update={"task": str((path.parent / artifact.task).resolve())})
    return artifact, program.decode("utf-8")


def evaluator_for(settings: Settings, task: Task) -> Evaluator:
    """With the sandbox that the settings ask for."""
    from nightforge.cli.evaluate import open_evaluator
    from nightforge.cli.reading import open_box

    box = open_box(settings)
    return open_evaluator(task, box)
