"""A user's own code: candidate to evidence (entry point `own` of `nightforge.evaluators`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import evaluators
import sandbox
from evaluators.cascade import Cascade, CascadeEnded
from evaluators.integrity.seams import Honest, Impostor, Mutator
from evaluators.own import stages
from evaluators.own.adapter import propose
from evaluators.own.bench import Bench, Staged
from evaluators.own.checker import OwnChecker
from evaluators.own.course import Course, calibrated
from evaluators.own.impostors import idle_functions
from evaluators.own.mutants import mutate_bundle
from evaluators.own.new_task import rewrite
from evaluators.own.pairing import Paddock
from evaluators.own.remarks import Examination
from evaluators.own.rounds import Reference, class_of, make_reference, seeds_of
from evaluators.own.spec import STAGES, OwnSettings, complaints, read_seed, read_settings, tree_of
from evaluators.own.tree import Snapshot, pack, read_tree
from evaluators.schedulers.hidden import hidden_seed
from evaluators.stages import require_stages
from nightforge.catalogue import TASK_FILE
from nightforge.domain.base import Scalar
from nightforge.domain.bundle import LANGUAGE, diff_bundles, parse_bundle
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.integrity import Remark
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, EvidenceClass, Outcome, Phase, SandboxChoice
from nightforge.errors import EvaluatorFault, UserError
from nightforge.fingerprint import cpu_identity, fingerprint
from sandbox import open_sandbox
from sandbox.platform import find_tool, install_hint

_LASTING = frozenset({"not_a_program", "other_files", "too_long", "outside_evolve_block", "syntax_error"})
VERSIONS_S = 30.0
MUTATION_SECONDS = 120.0
MOST_MUTANTS = 60
LEAST_MUTANTS = 10
IDLE_SECONDS = 60.0
MOST_IDLE = 12
LEAST_IDLE = 3
LEAST_SCORE = 0.7
"""Of a user's tests: mutants of a few dozen, and equivalence that cannot be proven for most languages."""
PATCH_FILE = "change.patch"


class OwnEvaluator:
    """Implements `nightforge.domain.ports.Evaluator`. One tree is read once, and kept as it was then."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._workplaces: dict[str, tuple[Bench, Reference, Paddock]] = {}
        self._boxes: dict[str, Sandbox] = {}
        self._lock = asyncio.Lock()
        self._check_s = 1.0

    @property
    def name(self) -> str:
        return "own"

    @property
    def clock(self) -> ClockKind | None:
        return ClockKind.CPU_MS

    def check_task(self, task: Task) -> None:
        settings = read_settings(task)
        where = str(task.root / TASK_FILE)
        for problem in complaints(task, settings):
            raise problem
        require_stages(task, STAGES)
        if task.language != LANGUAGE:
            raise UserError(f"language {task.language!r}", where=where, hint=f'language = "{LANGUAGE}"')

    def prerequisites(self, task: Task) -> Sequence[str]:
        return () if find_tool("tar") else (f"tar is not installed: {install_hint('tar')}",)

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ("cpu",) if read_settings(task).measure.kind == "time" else ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        settings = read_settings(task)
        snapshot = await asyncio.to_thread(self._snapshot, task, settings)
        versions = await self._versions(await self._bench(task, settings, snapshot))
        tools = {"tree": snapshot.digest, "cpu": cpu_identity(), **versions}
        code = (*map(Path, evaluators.__path__), Path(sandbox.__path__[0]) / "runners")
        return await asyncio.to_thread(fingerprint, task, parameters, tools=tools, code=code)

    async def _versions(self, bench: Bench) -> dict[str, str]:
        """Of the tools that builds use, as the commands find them; one that is not there has no version."""
        names = "cc c++ make cmake cargo rustc go python3"
        line = f'for t in {names}; do echo "$t: $($t --version 2>&1 | head -1)"; done'
        result = await bench.run(line, Staged(pack({})), stage="build", at_most_s=VERSIONS_S)
        if not result.ok:
            raise EvaluatorFault("no shell runs inside the box", hint="run `nightforge doctor`")
        rows = [row.partition(": ") for row in result.stdout.decode(errors="replace").splitlines()]
        return {name: version for name, _, version in rows if version and "not found" not in version}

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        bench, reference, _ = await self._workplace(task)
        began = time.perf_counter()
        calibration = await calibrated(bench, reference, self._search_seeds(task, bench.settings))
        shares = 2.0 if bench.settings.measure.kind == "time" else 1.0
        seconds = max(calibration.seconds_per_evaluation, (time.perf_counter() - began) / shares / 2)
        return calibration.model_copy(update={"seconds_per_evaluation": seconds})

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        bench, reference, paddock = await self._workplace(task)
        cascade = Cascade(phase, seed, {})
        course = Course(bench, reference, cascade, band=calibration.band if calibration else 0.0)
        try:
            with cascade.stage("text"):
                bundle = stages.read_program(source, read_seed(task))
            staged = await course.build_and_check(bundle)
            if phase is Phase.CONFIRMATION:
                await course.confirm(bundle, staged, seeds_of(seed, "hidden", bench.settings.hidden_seeds))
            else:
                seeds = self._search_seeds(task, bench.settings)
                await course.measure(bundle, staged, seeds, paddock, best_score if phase is Phase.SEARCH else None)
        except CascadeEnded:
            pass
        return cascade.evidence(bench.sandbox.tier, evidence_class=class_of(bench, reference)[0])

    def is_lasting(self, evidence: Evidence) -> bool:
        """Only what the text alone decides: builds and tests have limits of time, measures clocks or races."""
        failure = evidence.failure
        return failure is not None and failure.outcome is Outcome.FAIL and failure.reason in _LASTING

    @asynccontextmanager
    async def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AsyncIterator[OwnChecker]:
        """Offers `evaluators.integrity.seams.OffersChecker`."""
        bench, reference, _ = await self._workplace(task)
        yield OwnChecker(bench, reference, seed=seed)

    def honest_programs(self, task: Task) -> Sequence[Honest]:
        return [Honest(task.seed, task.read(task.seed))]

    def mutator(self, task: Task) -> Mutator:
        return mutate_bundle

    def impostors(self, task: Task) -> Sequence[Impostor]:
        """Offers `evaluators.integrity.seams.OffersImpostors`: as many as a minute allows."""
        if not _is_judged(read_settings(task)):
            return ()
        return idle_functions(read_seed(task), most=min(MOST_IDLE, max(LEAST_IDLE, int(IDLE_SECONDS / self._check_s))))

    def most_mutants(self, task: Task) -> int:
        """As many as two minutes allow; none where nothing tells a wrong program from another right one."""
        if not _is_judged(read_settings(task)):
            return 0
        return min(MOST_MUTANTS, max(LEAST_MUTANTS, int(MUTATION_SECONDS / self._check_s)))

    def least_score(self, task: Task) -> float:
        return LEAST_SCORE

    async def remarks(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int, say: Callable[[str], None]
    ) -> Sequence[Remark]:
        """Offers `evaluators.integrity.seams.OffersRemarks`."""
        settings = read_settings(task)
        snapshot = await asyncio.to_thread(self._snapshot, task, settings)
        bench = await self._bench(task, settings, snapshot)
        examination = Examination(bench, snapshot, read_seed(task), say)
        found = await examination.run(seeds_of(seed, "check", 4))
        self._check_s = max(examination.seconds_to_judge, 0.05)
        return found

    async def adapt(self, task: Task, *, seed: int) -> str:
        """Write the measure of two processes into the task, where its shape allows one; says what was done.

        UserError says why it does not.
        """
        bench, reference, _ = await self._workplace(task)
        if class_of(bench, reference)[0] is EvidenceClass.ISOLATED:
            return "candidate and verdict are apart already"
        proposal = await propose(bench, reference, seeds_of(seed, "check", 4))
        if proposal.measure is None:
            raise UserError(proposal.words, where=str(task.root / TASK_FILE), hint="docs/own-code.md, two processes")
        before = rewrite(task, bench.settings.model_copy(update={"measure": proposal.measure}))
        return f"written: measure.kind = {proposal.measure.kind!r}, proxy = {proposal.measure.proxy}; before: {before}"

    async def export(self, source: str, task: Task, parameters: Mapping[str, Scalar]) -> Mapping[str, bytes]:
        """The patch of the user's tree. Offers `nightforge.domain.artifact.OffersExport`."""
        return {PATCH_FILE: patch_of(task, source).encode()}

    async def _bench(self, task: Task, settings: OwnSettings, snapshot: Snapshot) -> Bench:
        """In the task's image where it names one, whatever tier other tasks run in. Raises SandboxUnavailable."""
        if settings.image and settings.image not in self._boxes:
            self._boxes[settings.image] = await asyncio.to_thread(
                open_sandbox, tier=SandboxChoice.DOCKER, docker_image=settings.image
            )
        return Bench(self._boxes.get(settings.image, self.sandbox), task, settings, snapshot)

    def _snapshot(self, task: Task, settings: OwnSettings) -> Snapshot:
        root = tree_of(task, settings)
        return read_tree(root, but=settings.evolve, ignore=settings.ignore, folder=task.root.resolve())

    def _search_seeds(self, task: Task, settings: OwnSettings) -> list[int]:
        """The same for every candidate of this machine and task; no candidate's author ever sees them."""
        return seeds_of(hidden_seed(task.name), "search", settings.seeds)

    async def _workplace(self, task: Task) -> tuple[Bench, Reference, Paddock]:
        """Bench, built reference and racers, made once per task."""
        key = f"{task.root} {task.model_dump_json()}"
        async with self._lock:
            if key not in self._workplaces:
                self.check_task(task)
                settings = read_settings(task)
                snapshot = await asyncio.to_thread(self._snapshot, task, settings)
                bench = await self._bench(task, settings, snapshot)
                reference = await make_reference(bench, read_seed(task))
                self._workplaces[key] = (bench, reference, Paddock())
            return self._workplaces[key]


def _is_judged(settings: OwnSettings) -> bool:
    """Whether anything but a number says that a program is wrong."""
    return settings.measure.kind == "time" or bool(settings.check)


def patch_of(task: Task, source: str) -> str:
    """Against the user's files as they were when the task was made; paths as git has them, from its top folder."""
    settings = read_settings(task)
    _, prefix = git_top(tree_of(task, settings))
    return diff_bundles(read_seed(task), parse_bundle(source), prefix=prefix)


def git_top(tree: Path) -> tuple[Path, str]:
    """The folder that a patch is applied in, and the tree's place below it with a slash at its end."""
    for folder in (tree, *tree.parents):
        if (folder / ".git").exists():
            below = tree.relative_to(folder).as_posix()
            return folder, "" if below == "." else f"{below}/"
    return tree, ""
