"""`task check` on a user's own code: runs the commands, and says what they are worth, with the mend for each fault."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from evaluators.cascade import CandidateFailed
from evaluators.own import stages
from evaluators.own.adapter import propose
from evaluators.own.bench import Bench, Staged
from evaluators.own.drift import tree_remarks
from evaluators.own.reading import BadMeasure, first_difference, shortened
from evaluators.own.rounds import Reference, Rounds, class_of
from evaluators.own.spec import OwnSettings, complaints, wall_s
from evaluators.own.timed import overhead_s
from evaluators.own.toolchains import unseen, where_is
from evaluators.own.tree import Snapshot
from nightforge.domain.bundle import Bundle, language_of
from nightforge.domain.integrity import Remark
from nightforge.domain.limits import ExecResult
from nightforge.domain.words import EvidenceClass, Outcome
from nightforge.errors import EvaluatorFault

NIGHT_S = 8 * 3600.0
FEW_A_NIGHT = 100
SHORT_RUN_S = 0.1
"""Below this what a box itself takes is a good part of what is measured."""
NOISY = 0.05
_ENDS_AT_ONCE = {
    "python": "import os\nos._exit(0)\n",
    "c": "#include <unistd.h>\n__attribute__((constructor)) static void nf_end(void) { _exit(0); }\n",
    "c++": "#include <unistd.h>\n__attribute__((constructor)) static void nf_end() { _exit(0); }\n",
}
_MENDS = {
    "build_timeout": "raise wall_s of the stage build in task.toml, or build less",
    "check_timeout": "raise wall_s of the stage check in task.toml, or test less",
    "run_timeout": "raise wall_s of the stage measure in task.toml, or measure less at a time",
    "memory_limit": "raise settings.memory_mb",
    "disk_limit": "raise settings.disk_mb",
    "too_much_output": "print less",
}
_NOT_FOUND = re.compile(r"^(?:/bin/)?sh: (?:\d+: |line \d+: )?(?P<name>[\w.+-]+): (?:command )?not found", re.MULTILINE)
"""As shells say it of a program that is not on PATH; make passes it on as exit code 2."""
_NETWORK_MEND = (
    "a box has no network: fetch what it needs beforehand (cargo vendor, pip install into settings.interpreter) and "
    "give it as settings.mounts, or keep it in the tree"
)


@dataclass
class Examination:
    """One look at a task. `seconds_to_check` is what building and checking one program took, `seconds_to_judge` what
    a mutant takes in all."""

    bench: Bench
    snapshot: Snapshot
    seed: Bundle
    say: Callable[[str], None]
    seconds_to_check: float = 1.0
    seconds_to_judge: float = 1.0
    found: list[Remark] = field(default_factory=list)

    @property
    def settings(self) -> OwnSettings:
        return self.bench.settings

    async def run(self, seeds: Sequence[int]) -> list[Remark]:
        """`seeds`: at least three. Ends at the first fault that leaves nothing to look at."""
        problems = [_bad("files", str(one), one.hint, ends=True) for one in complaints(self.bench.task, self.settings)]
        if problems:
            return problems
        self.found += tree_remarks(self.bench.task, self.settings, self.seed, self.snapshot)
        staged = await self._built()
        if staged is None or not await self._checked(staged):
            return self.found
        reference = Reference(self.seed, staged, *(await overhead_s(self.bench, staged)))
        seconds = await self._measured(reference, seeds)
        if seconds is None:
            return self.found
        answered = 2 * seconds if self.settings.measure.kind == "time" else 0.0
        self.seconds_to_judge = self.seconds_to_check + answered
        self.say("the program deleted, and one that ends at once ...")
        await self._deleted(reference, seeds[0])
        self._night(seconds)
        await self._believed(reference, seeds)
        return self.found

    async def _built(self) -> Staged | None:
        if not self.settings.build:
            return await stages.build(self.bench, self.seed)
        self.say("building ...")
        try:
            began = time.perf_counter()
            staged = await stages.build(self.bench, self.seed)
            took = time.perf_counter() - began
        except CandidateFailed as failure:
            self._refused("build", failure)
            return None
        self.found.append(_ok("build", f"{self.settings.build!r} took {took:.1f} s"))
        self.seconds_to_check = took
        return staged

    async def _checked(self, staged: Staged) -> bool:
        if not self.settings.check:
            said = "there is no check command: what is right is told by the measure alone"
            self.found.append(_note("check", said, "give --check, as `make test` or `python -m pytest -q`"))
            return True
        self.say("checking ...")
        try:
            result = await stages.check(self.bench, staged)
        except CandidateFailed as failure:
            self._refused("check", failure)
            return False
        self.found.append(_ok("check", f"{self.settings.check!r} passes in {result.wall_s:.1f} s"))
        self.seconds_to_check += result.wall_s
        return True

    async def _measured(self, reference: Reference, seeds: Sequence[int]) -> float | None:
        """Seconds of one run; None where the measure cannot be used."""
        self.say("measuring, several times ...")
        try:
            if self.settings.measure.kind == "time":
                return await self._timed(reference, seeds)
            return await self._valued(reference, seeds)
        except CandidateFailed as failure:
            self._refused("measure", failure)
        except EvaluatorFault as fault:
            if isinstance(fault.__cause__, CandidateFailed):
                self._refused("measure", fault.__cause__)
            else:
                self.found.append(_bad("measure", shortened(fault.what, 700), fault.hint, ends=True))
        return None

    async def _timed(self, reference: Reference, seeds: Sequence[int]) -> float | None:
        measure = self.settings.measure
        runs = [await stages.answer(self.bench, reference.staged, seed) for seed in (seeds[0], seeds[0], *seeds[:3])]
        results, answers = [run for run, _ in runs], [said for _, said in runs]
        if not any(text.strip() for text in answers[0].values()):
            said = "the command prints nothing and writes no file of measure.answers: there is no answer to compare"
            mend = "let it print a result that depends on the work, as a checksum"
            self.found.append(_bad("answer", said, mend, ends=True))
            return None
        apart = first_difference(answers[0], answers[1], measure.tolerance)
        if apart:
            mend = (
                "take what differs out with measure.ignore (its own timings), give measure.tolerance, or fix its seed"
            )
            self.found.append(_bad("non-determinism", f"two runs with one seed differ: {apart}", mend, ends=True))
            return None
        self.found.append(_ok("answer", "two runs with one seed answer the same"))
        for seed, answer in zip(seeds, answers[2:], strict=False):
            reference.answers[seed] = repr(answer)
        self._noise(reference, results)
        return fmean(run.wall_s for run in results)

    def _noise(self, reference: Reference, results: Sequence[ExecResult]) -> None:
        is_cpu = self.settings.measure.clock == "cpu"
        overhead = reference.overhead_cpu_s if is_cpu else reference.overhead_wall_s
        times = [max((run.cpu_s if is_cpu else run.wall_s) - overhead, 1e-4) for run in results]
        middle = fmean(times)
        spread = (max(times) - min(times)) / middle / 2
        said = f"{self.settings.measure.clock} time {middle:.3g} s, ±{spread:.1%} over {len(times)} runs"
        if middle < SHORT_RUN_S:
            mend = f"let the command do more work: at least {SHORT_RUN_S:g} s"
            self.found.append(_note("noise", f"{said}; a box itself takes {overhead:.3f} s", mend))
        elif spread > NOISY:
            self.found.append(_note("noise", said, "more work per run, more settings.seeds, or a quieter machine"))
        else:
            self.found.append(_ok("noise", said))

    async def _valued(self, reference: Reference, seeds: Sequence[int]) -> float:
        measure, rounds = self.settings.measure, Rounds(self.bench, reference)
        result = await self.bench.run(
            measure.command, reference.staged, stage="measure", seed=seeds[0], outputs=measure.answers
        )
        if measure.kind == "report":
            stages.metrics_of(result, self.settings)
        else:
            stages.refuse(result, "run")
        began = time.perf_counter()
        values = [found[measure.metric].value for found in await rounds.reference_values(seeds[:3])]
        run_s = (time.perf_counter() - began) / len(values)
        again = (await rounds.again(seeds[0]))[measure.metric].value
        if again == values[0]:
            self.found.append(
                _ok("noise", f"the same seed gives the same {measure.metric}: {again:.6g} {measure.unit}")
            )
        else:
            apart = abs(again - values[0]) / (max(abs(again), abs(values[0])) or 1.0)
            said = f"two runs with one seed differ by {apart:.2%}: {values[0]:.6g} and {again:.6g}"
            mend = "use {seed} for every random number" if measure.is_seeded else "let the command take {seed}"
            level = _bad if apart > 0.5 else _note
            self.found.append(level("non-determinism", said, mend))
        if self.settings.compare == "ratio" and min(values) <= 0:
            said = f"{measure.metric} is {min(values):g}: no ratio can be taken"
            self.found.append(_bad("measure", said, 'set compare = "difference" in task.toml', ends=True))
        if measure.is_seeded and len(set(values)) == 1:
            said = f"{measure.metric} is {values[0]:g} whatever the seed"
            self.found.append(_note("seeds", said, "if the program does draw numbers, let it use {seed}"))
        return run_s

    async def _deleted(self, reference: Reference, seed: int) -> None:
        """Two programs that do nothing, which must not come through."""
        empty = Bundle({path: "" for path in self.seed.files})
        passed, stage = await self._goes_through(empty, reference, seed)
        if passed == "measure":
            said = "everything passes with the program deleted (every evolvable file empty)"
            mend = "let the check, or the answer that is compared, depend on what the program computes"
            self.found.append(_bad("the program deleted", said, mend))
        elif passed == "check" and self.settings.check:
            said = f"the check passes with the program deleted; only the measure notices ({stage})"
            mend = "let the check import and call the program"
            self.found.append(_bad("the program deleted", said, mend))
        else:
            self.found.append(_ok("the program deleted", f"noticed in {stage}"))
        path = next(iter(self.seed.files))
        ending = _ENDS_AT_ONCE.get(language_of(path))
        if ending is None:
            return
        passed, stage = await self._goes_through(
            self.seed.replaced(path, ending + self.seed.files[path]), reference, seed
        )
        if passed == "measure":
            said = "a program that ends the process at once, with exit code 0, passes everything"
            mend = "let the commands print something at their very end that is looked for, as an answer or a metric"
            self.found.append(_bad("an early end", said, mend))
        elif passed == "check" and self.settings.check:
            said = f"the check passes for a program that ends its process at once; the measure notices ({stage})"
            self.found.append(_note("an early end", said, "the check runs beside the candidate: it can be fooled"))
        else:
            self.found.append(_ok("an early end", f"noticed in {stage}"))

    async def _goes_through(self, bundle: Bundle, reference: Reference, seed: int) -> tuple[str, str]:
        """(last stage passed, stage and reason of the failure)."""
        passed = ""
        try:
            staged = await stages.build(self.bench, bundle)
            passed = "build"
            if self.settings.check:
                await stages.check(self.bench, staged)
            passed = "check"
            async for _ in Rounds(self.bench, reference).play(bundle, staged, [seed]):
                passed = "measure"
        except CandidateFailed as failure:
            following = {"": "build", "build": "check", "check": "measure"}[passed]
            return passed, f"{following}: {failure.reason}"
        except EvaluatorFault as fault:
            return passed, f"measure: {shortened(fault.what)}"
        return passed, ""

    def _night(self, run_s: float) -> None:
        shares = 2 if self.settings.measure.kind == "time" else 1
        each = self.seconds_to_check + run_s * self.settings.seeds * shares
        a_night = int(NIGHT_S / each)
        said = f"{each:.1f} s per evaluation, about {a_night} in a night of {NIGHT_S / 3600:g} h"
        cores = os.cpu_count() or 1
        if each > NIGHT_S:
            said = f"one evaluation takes {each / 3600:.1f} h: longer than the night"
            self.found.append(_bad("time", said, "fewer settings.seeds, or a shorter measure"))
        elif a_night < FEW_A_NIGHT:
            mend = f"fewer settings.seeds, a shorter measure, or NIGHTFORGE_EVALUATION_SLOTS up to {cores}"
            self.found.append(_note("time", said, mend))
        else:
            self.found.append(_ok("time", said))
        limit = wall_s(self.bench.task, "measure")
        if run_s > limit / 2:
            said = f"a run takes {run_s:.1f} s of the {limit:g} s that it may"
            self.found.append(_note("time", said, "raise wall_s of the stage measure: a loaded machine is slower"))

    async def _believed(self, reference: Reference, seeds: Sequence[int]) -> None:
        """The class of the evidence, what would make it better, and what nobody can protect."""
        kind, why = class_of(self.bench, reference)
        if kind is EvidenceClass.ISOLATED:
            self.found.append(_ok("evidence", f"{kind.value}: {why}"))
        else:
            self.say("could candidate and verdict be kept apart? ...")
            proposal = await propose(self.bench, reference, seeds)
            said = f"{kind.value}: {why}; such numbers are shown as that and never confirmed"
            self.found.append(_note("evidence", said, proposal.words))
        self.found += _unprotected(self.settings, kind)

    def _refused(self, topic: str, failure: CandidateFailed) -> None:
        text = failure.feedback.lower()
        if any(words in text for words in stages.NETWORK_WORDS):
            said = f"your own program's {topic} looks for a network: {shortened(failure.feedback, 500)}"
            self.found.append(_bad(topic, said, _NETWORK_MEND, ends=True))
            return
        if "externally-managed-environment" in text:
            said = f"your own program's {topic} installs Python packages, which a box cannot"
            mend = "make an environment beforehand (python3 -m venv env, pip install) and give it with --python env"
            self.found.append(_bad(topic, said, mend, ends=True))
            return
        if isinstance(failure.__cause__, BadMeasure):
            self.found.append(_bad(topic, shortened(failure.__cause__.said, 700), failure.__cause__.mend, ends=True))
            return
        late = failure.outcome is Outcome.TIMEOUT
        said = f"your own program fails here: {failure.reason}: {shortened(failure.feedback, 700)}"
        if late:
            limit = wall_s(self.bench.task, topic)
            said = f"longer than the {limit:g} s that it may take: {shortened(failure.feedback, 300)}"
        absent = _NOT_FOUND.search(failure.feedback)
        if absent is not None and absent["name"] not in self.seed.files:
            mend = unseen(absent["name"], where_is(absent["name"]))
            self.found.append(_bad(topic, said, mend, ends=True))
            return
        mend = _MENDS.get(failure.reason, f"make it work in a copy of the tree, without network: settings.{topic}")
        self.found.append(_bad(topic, said, mend, ends=True))


def _unprotected(settings: OwnSettings, kind: EvidenceClass) -> Iterator[Remark]:
    """What no box keeps a candidate from, said beforehand."""
    if settings.check:
        said = "the check runs in the candidate's process: a candidate could end it early or answer for it"
        yield _note("not protected", said)
    if settings.measure.kind == "time":
        said = "a candidate that keeps results between equal calls of one run looks faster; vary the calls within a run"
        yield _note("not protected", said)
    if kind is not EvidenceClass.ISOLATED:
        yield _note("not protected", "the number itself, see evidence")
    yield _note("not protected", "the tree's other files can be read by a candidate: keep expected results out of it")


def _ok(topic: str, said: str) -> Remark:
    return Remark(topic=topic, level="ok", said=said)


def _note(topic: str, said: str, mend: str = "") -> Remark:
    return Remark(topic=topic, level="note", said=said, mend=mend)


def _bad(topic: str, said: str, mend: str, *, ends: bool = False) -> Remark:
    return Remark(topic=topic, level="bad", said=said, mend=mend, ends=ends)
