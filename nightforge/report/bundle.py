"""The folder that leaves with a candidate: program, evidence, provenance, and what is needed to check it elsewhere.

All of it is read from the store; nothing is run to make it. What an evaluator adds by running tools comes on top.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

from nightforge.catalogue import find_task
from nightforge.domain.artifact import ARTIFACT_FILE, Artifact, ExportedFile, OffersFiles
from nightforge.domain.base import Scalar
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.evidence import Evidence
from nightforge.domain.limits import ExecResult
from nightforge.domain.minimisation import Minimisation, document_name
from nightforge.domain.ports import SandboxSession, Store
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState, SandboxTier
from nightforge.errors import NotFound, SandboxFault, UserError
from nightforge.registry import EVALUATORS, load
from nightforge.report.data import diff_to_seed
from nightforge.report.provenance import Provenance, provenance_of
from nightforge.report.states import shape_and_word
from nightforge.report.text import duration, fence, markdown_line, with_interval

SUFFIXES = {"c": "c", "verilog": "v", "python": "py", "json": "json", "cuda": "cu"}
GENERATOR_LINE = "# nightforge: generator"
TASK_FOLDER = "task"
MOST_TASK_BYTES = 24 * 1024 * 1024
EXECUTABLE = frozenset({"reproduce", "prove.sh", "build.sh"})
REPRODUCE = """\
#!/bin/sh
# Scores the program of this folder again, outside any database of campaigns, and compares with artifact.json.
# Exit status 0: it agrees. 4: it does not. Further flags go on to `nightforge replay`, as --seed N.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
unset NIGHTFORGE_DATABASE_URL
NIGHTFORGE_HOME="$home" "${NIGHTFORGE:-nightforge}" replay "$here" "$@"
"""


def artifact_of(campaign: Campaign, candidate: Candidate, source: str) -> Artifact:
    """NotFound for a candidate that was never evaluated."""
    evidence = candidate.confirmation or candidate.evidence
    if evidence is None:
        raise NotFound("it was never evaluated", where=candidate.ref, hint="`nightforge show ID` lists the others")
    plan = campaign.plan
    return Artifact(
        candidate=candidate.ref,
        goal=plan.goal,
        task=plan.task,
        parameters=plan.parameters,
        program="",
        sha256=sha256(source.encode()).hexdigest(),
        evidence=evidence,
        judged=(*(one.metric for one in plan.objectives), *(one.metric for one in plan.constraints)),
    )


def source_of(store: Store, candidate: Candidate) -> str:
    if candidate.code_sha is None:
        raise NotFound("it has no program", where=candidate.ref, hint="it was dropped before a program was written")
    return store.source(candidate.code_sha)


def program_name(source: str, language: str, stem: str = "program") -> str:
    return f"{stem}.{'py' if source.startswith(GENERATOR_LINE) else SUFFIXES.get(language, 'txt')}"


def check_may_leave(candidate: Candidate, *, force: bool) -> None:
    """UserError for one that passed the search and failed the confirmation, unless somebody insists."""
    if candidate.state is CandidateState.SUSPICIOUS and not force:
        reason = f" ({candidate.reason.replace('_', ' ')})" if candidate.reason else ""
        raise UserError(
            f"it is suspicious{reason}: its number was not confirmed", where=candidate.ref, hint="--force exports it"
        )


def files_of(store: Store, campaign: Campaign, candidate: Candidate) -> dict[str, bytes]:
    """Everything that leaves, by name, `README.md` apart. UserError where the task's folder is gone."""
    task = find_task(campaign.plan.task)
    source = source_of(store, candidate)
    artifact = artifact_of(campaign, candidate, source)
    name = program_name(source, task.language)
    seed = source_of(store, store.candidate(candidate.campaign_id, 0))
    carried = task_files(campaign.plan.task, task)
    artifact = artifact.model_copy(update={"program": name, **({"task": f"./{TASK_FOLDER}"} if carried else {})})
    provenance, prompts = provenance_of(store, campaign, candidate)
    found = store.document(candidate.campaign_id, document_name(candidate.ordinal), Minimisation)
    files = {
        name: source.encode(),
        program_name(seed, task.language, "seed"): seed.encode(),
        "changes.diff": diff_to_seed(store, candidate).encode(),
        ARTIFACT_FILE: _json(artifact),
        "provenance.json": _json(provenance),
        "evidence.md": evidence_text(candidate).encode(),
        "reproduce": REPRODUCE.encode(),
        **prompts,
        **carried,
    }
    if found is not None:
        files["minimisation.json"] = _json(found)
    return files


def text_files(source: str, task: Task, parameters: Mapping[str, Scalar]) -> Mapping[str, ExportedFile]:
    """What the task's evaluator adds from text alone; nothing where it adds none, or is not installed here."""
    try:
        factory = load(EVALUATORS, task.domain)
    except UserError:
        return {}
    evaluator = factory(NoSandbox()) if callable(factory) else None
    return evaluator.files(source, task, parameters) if isinstance(evaluator, OffersFiles) else {}


class NoSandbox:
    """For what is made without running anything: it raises where something is run after all."""

    tier = SandboxTier.BUBBLEWRAP

    async def run(self, *argv: object, **named: object) -> ExecResult:
        raise SandboxFault("nothing may be run here", hint="`nightforge export` makes the whole folder")

    def start(self, *argv: object, **named: object) -> AbstractContextManager[SandboxSession]:
        raise SandboxFault("nothing may be run here", hint="`nightforge export` makes the whole folder")


def whole_bundle(store: Store, campaign: Campaign, candidate: Candidate) -> dict[str, bytes]:
    """`files_of`, what the evaluator adds from text alone, and the README."""
    files = files_of(store, campaign, candidate)
    task = find_task(campaign.plan.task)
    added = text_files(source_of(store, candidate), task, campaign.plan.parameters)
    files |= {name: one.content.encode() for name, one in added.items()}
    said = {name: one.what for name, one in added.items()}
    return files | {"README.md": readme(campaign, candidate, files, said).encode()}


def task_files(name: str, task: Task) -> dict[str, bytes]:
    """The folder of a task that is not shipped with us: without it nobody else could check the number."""
    if "/" not in name and not name.startswith("."):
        return {}
    found: dict[str, bytes] = {}
    size = 0
    for path in sorted(task.root.rglob("*")):
        if path.is_symlink() or not path.is_file() or "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        size += len(content)
        if size > MOST_TASK_BYTES:
            return {}
        found[f"{TASK_FOLDER}/{path.relative_to(task.root).as_posix()}"] = content
    return found


def readme(campaign: Campaign, candidate: Candidate, files: Mapping[str, bytes], said: Mapping[str, str]) -> str:
    """What the folder is. `said`: file → what it is for, of what an evaluator added."""
    objective = campaign.plan.objectives[0]
    evidence = candidate.confirmation or candidate.evidence
    metric = evidence.metrics.get(objective.metric) if evidence is not None else None
    value = f"{with_interval(metric)} {objective.unit}".strip() if metric is not None else "no value"
    known = {
        "reproduce": "scores the program again with `nightforge replay`, outside any database, and compares",
        ARTIFACT_FILE: "the evidence: stages, metrics with intervals, seeds, versions of the tools",
        "evidence.md": "the same for people",
        "provenance.json": "forebears, operators, models, costs",
        "changes.diff": "the program against the seed",
        "minimisation.json": "which hunks are needed, and what each brings",
    }
    lines = [
        f"# {candidate.ref}",
        "",
        f"Goal: {markdown_line(campaign.plan.goal)}",
        "",
        f"{shape_and_word(candidate)}: {objective.metric} {value}",
        "",
        *([f"What changed: {markdown_line(candidate.note)}", ""] if candidate.note else []),
        "| file | what it is |",
        "| --- | --- |",
        *(
            f"| `{name}` | {said.get(name) or known.get(name) or _kind(name)} |"
            for name in sorted(files)
            if "/" not in name and name != "README.md"
        ),
    ]
    folders = sorted({name.split("/")[0] for name in files if "/" in name})
    lines += [f"| `{name}/` | {_kind(name + '/')} |" for name in folders]
    return "\n".join(
        [*lines, "", "Check it: `./reproduce` (needs Nightforge and the tools of `nightforge doctor`).", ""]
    )


def _kind(name: str) -> str:
    kinds = {"program": "the program", "seed": "what it was made from", "prompts/": "what the models were asked"}
    kinds["task/"] = "the task: what is measured, and how"
    return next((words for begin, words in kinds.items() if name.startswith(begin)), "")


def evidence_text(candidate: Candidate) -> str:
    """Stage by stage, of the search and of the confirmation."""
    lines = [f"# Evidence of {candidate.ref}", "", f"State: {shape_and_word(candidate)}", ""]
    for title, evidence in (("Search", candidate.evidence), ("Confirmation", candidate.confirmation)):
        if evidence is not None:
            lines += [f"## {title}", "", *_stages(evidence)]
    return "\n".join(lines)


def _stages(evidence: Evidence) -> list[str]:
    lines = [f"Evidence {evidence.evidence_class.value}, sandbox {evidence.tier.value}.", ""]
    for stage in evidence.stages:
        reason = f" ({markdown_line(stage.reason)})" if stage.reason else ""
        seed = f", seed {stage.seed}" if stage.seed is not None else ""
        lines += [f"### {stage.stage}: {stage.outcome.value}{reason}", "", f"{duration(stage.duration_s)}{seed}", ""]
        for name, metric in stage.metrics.items():
            samples = f", {metric.samples} samples" if metric.samples > 1 else ""
            lines.append(f"- {name}: {with_interval(metric)} {metric.unit}".rstrip() + samples)
        lines += [f"- {markdown_line(name)}: {markdown_line(version)}" for name, version in stage.tools.items()]
        if stage.feedback:
            marks = fence(stage.feedback)
            lines += ["", marks, *stage.feedback.splitlines(), marks]
        lines.append("")
    return lines


def patch_text(before: str, after: str, path: str) -> str:
    """A patch that `git apply` takes in the tree where `path` is; empty when there is nothing to change."""
    import difflib

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    lines = list(difflib.unified_diff(old, new, fromfile=f"a/{path}", tofile=f"b/{path}"))
    if not lines:
        return ""
    ended = [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join([f"diff --git a/{path} b/{path}\n", *ended])


def to_zip(files: Mapping[str, bytes], folder: str) -> bytes:
    """All of them in one folder; scripts keep that they can be run."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o755 if name in EXECUTABLE else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """UserError where the folder is not empty or cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError("the folder is not empty", where=str(folder), hint="name another")
        for name, content in files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
            if name in EXECUTABLE:
                place.chmod(0o755)
    except OSError as error:
        raise UserError(f"cannot be written: {error.strerror}", where=str(folder), hint="name another place") from error


def _json(model: Artifact | Provenance | Minimisation) -> bytes:
    return (model.model_dump_json(indent=2) + "\n").encode()
