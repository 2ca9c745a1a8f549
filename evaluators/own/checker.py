"""The stages that judge correctness, for mutants: build, the user's checks, answers beside the unchanged program's."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Collection, Mapping
from hashlib import sha256

from evaluators.cascade import CandidateFailed
from evaluators.own import stages
from evaluators.own.bench import Bench, Staged
from evaluators.own.reading import first_difference
from evaluators.own.rounds import SLOWEST, Reference, seeds_of
from nightforge.domain.bundle import language_of
from nightforge.domain.integrity import Finding
from nightforge.errors import EvaluatorFault

_COMPILED = frozenset({"c", "c++", "rust", "go", "fortran", "zig", "swift"})
_STILLBORN = frozenset({"build_failed", "syntax_error", "not_a_program", "build_timeout"})


class OwnChecker:
    """Implements `evaluators.integrity.seams.Checker`. A number that a program reports about itself judges nothing."""

    def __init__(self, bench: Bench, reference: Reference, *, seed: int) -> None:
        self._bench = bench
        self._reference = reference
        self._seed = seed
        self._answers: dict[int, tuple[dict[str, str], float]] = {}

    async def tools(self) -> Mapping[str, str]:
        settings = self._bench.settings
        return {name: command for name, command in (("build", settings.build), ("check", settings.check)) if command}

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        return await self._judged(source, self._seed, known)

    async def recheck(self, source: str, *, seed: int) -> Finding:
        return await self._judged(source, seed, ())

    async def prove_equal(self, one: str, other: str) -> str:
        return ""

    async def _judged(self, source: str, seed: int, known: Collection[str]) -> Finding:
        began = time.perf_counter()
        stage, built, build, answers = "text", False, "", ""
        try:
            bundle = stages.read_program(source, self._reference.bundle)
            stage = "build"
            staged = await stages.build(self._bench, bundle)
            built, build = True, content_digest(staged, tuple(bundle.files))
            if build and build in known:
                return Finding(built=True, accepted=False, stage="build", reason="known", build=build)
            stage = "check"
            if self._bench.settings.check:
                await stages.check(self._bench, staged)
            stage = "measure"
            if self._bench.settings.measure.kind == "time":
                answers = await self._answered(staged, seed)
        except CandidateFailed as failure:
            return Finding(
                built=built and failure.reason not in _STILLBORN,
                accepted=False,
                stage=stage,
                reason=failure.reason,
                feedback=failure.feedback[:500],
                build=build,
                seconds=time.perf_counter() - began,
            )
        return Finding(
            built=True, accepted=True, stage=stage, build=build, answers=answers, seconds=time.perf_counter() - began
        )

    async def _answered(self, staged: Staged, seed: int) -> str:
        (number,) = seeds_of(seed, "check", 1)
        if number not in self._answers:
            try:
                result, expected = await stages.answer(self._bench, self._reference.staged, number)
            except CandidateFailed as failure:
                raise EvaluatorFault(f"your own program fails: {failure}", where="settings.measure") from failure
            self._answers[number] = expected, SLOWEST * result.wall_s + 2.0
        expected, limit_s = self._answers[number]
        _, got = await stages.answer(self._bench, staged, number, at_most_s=limit_s)
        difference = first_difference(expected, got, self._bench.settings.measure.tolerance)
        if difference:
            raise stages.wrong_answer(difference)
        return sha256(repr(got).encode("utf-8", "surrogateescape")).hexdigest()


def content_digest(staged: Staged, sources: Collection[str]) -> str:
    """Of names and contents that a build made, times and the program's own files apart; empty where nothing is built,
    or a file is not compiled.

    Two programs built to the same contents are the same program (trivial compiler equivalence).
    """
    if staged.built is None or any(language_of(path) not in _COMPILED for path in sources):
        return ""
    digest = sha256()
    with tarfile.open(fileobj=io.BytesIO(staged.built), mode="r:") as packed:
        for entry in sorted(packed, key=lambda one: one.name):
            if entry.isfile() and entry.name.removeprefix("./") not in sources:
                content = packed.extractfile(entry)
                digest.update(f"{entry.name}\0".encode() + (content.read() if content is not None else b""))
    return digest.hexdigest()
