"""A peer's folder becomes a task folder below the home: a copy of it, its first program, and what was read of it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evaluators.cascade import CandidateFailed
from evaluators.foreign.box import MOST_COPIED, files_of
from evaluators.foreign.contract import COMBINED, COMPLEXITY, FOLDER, MEAN, SCORE, Contract, ForeignSettings
from evaluators.foreign.detect import Found
from evaluators.foreign.evaluator import ForeignEvaluator
from evaluators.foreign.reply import Reply, judge_stage, metrics_of, score_of
from nightforge.domain.evidence import Metric
from nightforge.domain.task import Objective, StageSpec, Task
from nightforge.domain.words import Direction
from nightforge.errors import EvaluatorFault, StoreFault, UserError

UNIT = "points"
_TITLES = {
    COMBINED: "what the folder's evaluator calls its combined score",
    MEAN: "mean of the numbers of the folder's evaluator",
    SCORE: "the number that the folder's evaluator returns",
}

MOST_NAMES = 6
_STAGE_TITLES = {
    "evaluate": "the folder's own evaluation",
    "evaluate_stage1": "the folder's first stage",
    "evaluate_stage2": "the folder's second stage",
    "evaluate_stage3": "the folder's third stage",
}


@dataclass(frozen=True)
class Made:
    folder: Path
    notes: tuple[str, ...] = ()
    """What the trial of the folder's own program showed."""


@dataclass(frozen=True)
class _Draft:
    """A task's folder before it has its name."""

    found: Found
    python: str
    root: Path
    place: Path
    is_copied: bool


async def make_task(evaluator: ForeignEvaluator, found: Found, python: str, below: Path) -> Made:
    """Write (or find again) the task's folder below `below`; the same folder and Python give the same one.

    The folder's own program is tried: UserError where it does not pass, StoreFault where nothing can be written.
    """
    draft = _begin(found, python, below)
    if isinstance(draft, Made):
        return draft
    try:
        settings, notes = await _try(evaluator, draft)
        return _finish(draft, settings, notes)
    finally:
        shutil.rmtree(draft.root, ignore_errors=True)


def _begin(found: Found, python: str, below: Path) -> _Draft | Made:
    """A copy of the peer's folder in a new place, or the task that was made of it before."""
    try:
        files = list(files_of(found.folder))
        is_copied = sum(path.stat().st_size for path in files) <= MOST_COPIED
        digest = _digest(found, files, python, is_copied=is_copied)
        slug = re.sub(r"[^a-z0-9]+", "-", found.folder.name.lower()).strip("-")[:40].strip("-")
        place = below / f"foreign-{slug or 'folder'}-{digest[:8]}"
        if (place / "task.toml").is_file():
            return Made(place)
        below.mkdir(parents=True, exist_ok=True)
        root = Path(tempfile.mkdtemp(prefix=".new-", dir=below))
        for path in files if is_copied else ():
            target = root / FOLDER / path.relative_to(found.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    except OSError as error:
        raise _unwritable(error, below) from error
    return _Draft(found, python, root, place, is_copied)


def _finish(draft: _Draft, settings: ForeignSettings, notes: Sequence[str]) -> Made:
    if not draft.is_copied:
        size = f"larger than {MOST_COPIED >> 20} MiB: used where it is, read-only"
        notes = [f"{size}; what changes in it meanwhile counts", *notes]
    try:
        _write(draft, settings)
        draft.root.chmod(0o755)
        draft.root.rename(draft.place)
    except OSError as error:
        if (draft.place / "task.toml").is_file():
            return Made(draft.place)
        raise _unwritable(error, draft.place) from error
    return Made(draft.place, tuple(notes))


def _unwritable(error: OSError, where: Path) -> StoreFault:
    return StoreFault(
        f"the task cannot be written: {error.strerror}", where=str(where), hint="set NIGHTFORGE_HOME elsewhere"
    )


def _digest(found: Found, files: Sequence[Path], python: str, *, is_copied: bool) -> str:
    digest = sha256(json.dumps([found.model_dump(mode="json"), python]).encode())
    for path in files if is_copied else ():
        digest.update(f"{path.relative_to(found.folder)}\0".encode() + sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _place(folder: Path) -> tuple[str, ...]:
    """The end of the folder's path by which its own modules import one another, where they do: as
    `from examples.packing.helper import …` in examples/packing."""
    parts = folder.resolve().parts
    names = [part for part in parts if part.isidentifier()][-MOST_NAMES:]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files_of(folder) if path.suffix == ".py"]
    for first in range(len(names)):
        end = tuple(names[first:])
        imports = re.compile(rf"^\s*(?:from|import)\s+{re.escape('.'.join(end))}\b", re.MULTILINE)
        if parts[-len(end) :] == end and any(map(imports.search, texts)):
            return end
    return ()


async def _try(evaluator: ForeignEvaluator, draft: _Draft) -> tuple[ForeignSettings, Sequence[str]]:
    """The folder's own program once, through every stage: what it is scored by, and which thresholds it holds."""
    found = draft.found
    settings = ForeignSettings(
        contract=found.contract,
        folder=FOLDER if draft.is_copied else str(found.folder.resolve()),
        evaluator=found.evaluator,
        function=found.function,
        class_name=found.class_name,
        candidate_key=found.candidate_key,
        suffix=found.suffix,
        cascade=found.cascade,
        stage_s=min(found.config.timeout_s, 86400.0),
        features=found.features,
        score=MEAN,
        place=_place(found.folder),
        python=draft.python,
    )
    try:
        reply = await evaluator.reply(_task(draft, settings), settings, found.source)
        known, reached = _judged(reply, settings)
    except CandidateFailed as failure:
        raise UserError(
            f"its own program does not pass: {failure.reason}: {' '.join(failure.feedback.split())[:400]}",
            where=str(found.folder),
            hint="run it by hand; name the Python that has what it needs with --python PATH",
        ) from failure
    except EvaluatorFault as fault:
        raise UserError(fault.what, where=f"{found.folder}/{found.evaluator}", hint=fault.hint) from fault
    names = known.keys() - {COMPLEXITY}
    score = COMBINED if COMBINED in names else SCORE if names == {SCORE} or _is_function(settings) else MEAN
    features = tuple(one for one in settings.features if one in names)
    notes = [f"{one} is a feature dimension that the evaluator does not give" for one in settings.features]
    notes = [note for note in notes if note.split(" ", 1)[0] not in features]
    if score is MEAN:
        ranked = ", ".join(sorted(names - {*features, "error"}))
        notes.append(f"the evaluator gives no combined_score: the mean of {ranked} ranks, as OpenEvolve has it")
    thresholds = list(found.thresholds)
    for number, least in enumerate(found.thresholds):
        if reached[number] < least:
            notes.append(
                f"its own program reaches {reached[number]:g} after {settings.stages[number]} and not the threshold "
                f"{least:g}: all stages are run for every program from there on"
            )
            thresholds = thresholds[:number]
            break
    update = {"score": score, "features": features, "thresholds": tuple(thresholds)}
    return ForeignSettings.model_validate(settings.model_dump() | update), notes


def _judged(reply: Reply, settings: ForeignSettings) -> tuple[Mapping[str, Metric], Sequence[float]]:
    """All metrics, and the score after each stage, as the thresholds see it. Raises CandidateFailed."""
    known: dict[str, Metric] = {}
    reached = []
    if not reply.stages:
        raise CandidateFailed(reply.problem or "exited", reply.output[-2000:])
    for number, stage in enumerate(reply.stages):
        known |= metrics_of(stage)
        judge_stage(stage, reply, is_last=number + 1 == len(reply.stages))
        chosen = COMBINED if COMBINED in known else MEAN
        reached.append(score_of(known, settings.model_copy(update={"score": chosen, "features": ()})).value)
    if len(reply.stages) < len(settings.stages):
        raise CandidateFailed("exited", f"the evaluator ended before its last stage\n{reply.output[-2000:]}")
    return known, reached


def _is_function(settings: ForeignSettings) -> bool:
    return settings.contract in {Contract.FUNCTION, Contract.CLASS}


def _task(draft: _Draft, settings: ForeignSettings) -> Task:
    found = draft.found
    return Task(
        name=draft.place.name,
        title=_title(found),
        goal=_goal(found, settings),
        domain="foreign",
        language=found.language,
        seed=_seed_name(found),
        objectives=(
            Objective(metric=settings.score, unit=UNIT, direction=Direction.MAX, title=_TITLES[settings.score]),
        ),
        behaviour=_behaviour(found, settings),
        stages=tuple(
            StageSpec(name=one, title=_STAGE_TITLES.get(one, one), wall_s=settings.stage_s) for one in settings.stages
        ),
        settings=settings.model_dump(mode="json"),
        root=draft.root,
    )


def _title(found: Found) -> str:
    return f"folder {found.folder.name} made for {found.contract.engine}"


def _goal(found: Found, settings: ForeignSettings) -> str:
    return f"raise {settings.score} of {found.folder.name}"


def _seed_name(found: Found) -> str:
    return f"seed{found.suffix}"


def _behaviour(found: Found, settings: ForeignSettings) -> tuple[str, ...]:
    """Feature dimensions that are measured: the evaluator's own, and the length of the program."""
    return (*settings.features, *([COMPLEXITY] if COMPLEXITY in found.config.features else []))


def _write(draft: _Draft, settings: ForeignSettings) -> None:
    task, found, root = _task(draft, settings), draft.found, draft.root
    (root / task.seed).write_text(found.source, encoding="utf-8")
    (root / "known").mkdir()
    (root / "known" / f"empty{found.suffix}").write_text("\n", encoding="utf-8")
    (root / "brief.md").write_text(_brief(found, settings), encoding="utf-8")
    (root / "task.toml").write_text(_document(task, found, settings), encoding="utf-8")


def _text(value: object) -> str:
    """JSON's strings, numbers and lists are TOML's, but for one character."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _document(task: Task, found: Found, settings: ForeignSettings) -> str:
    objective = task.objective
    lines = [f"# Written by nightforge from {_text(str(found.folder))[1:-1]}", "schema_version = 1"]
    for name in ("name", "title", "goal", "domain", "language", "seed"):
        lines.append(f"{name} = {_text(getattr(task, name))}")
    lines.append(f"behaviour = {_text(list(task.behaviour))}")
    lines += ["", "[[objectives]]", f"metric = {_text(objective.metric)}", f"unit = {_text(UNIT)}", 'direction = "max"']
    lines.append(f"title = {_text(objective.title)}")
    for stage in task.stages:
        lines += ["", "[[stages]]", f"name = {_text(stage.name)}", f"title = {_text(stage.title)}"]
        lines.append(f"wall_s = {stage.wall_s}")
    lines += ["", "[[rehearsal]]", f"path = {_text(f'known/empty{found.suffix}')}", 'expect = "no-gain"']
    lines.append('title = "no program at all"')
    if found.config.iterations is not None:
        lines += ["", "[budget]", f"evaluations = {found.config.iterations}"]
    lines += ["", "[settings]"]
    lines += [f"{name} = {_text(value)}" for name, value in settings.model_dump(mode="json").items()]
    return "\n".join([*lines, ""])


def _brief(found: Found, settings: ForeignSettings) -> str:
    how = {
        Contract.PATHS: "The evaluator is given the path of the program's file and loads it as it sees fit.",
        Contract.SHINKA: "The evaluator is given the path of the program's file, runs it and checks what it returns.",
        Contract.FUNCTION: "The evaluator is given the program as a text.",
        Contract.CLASS: f"The evaluator calls the program's function `{found.function}`.",
    }[found.contract]
    words = f"\nWhat its author says of the problem:\n\n{found.words.strip()}\n" if found.words.strip() else ""
    return f"""# {found.folder.name}

Write one {found.language} file that takes the place of the first program and keeps the functions that the evaluator
calls, by name and signature. {how}
Where the first program has EVOLVE-BLOCK markers, only what stands between them may change.

Make `{settings.score}` ({_TITLES[settings.score]}) as large as possible.
{words}"""
