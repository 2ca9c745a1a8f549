"""May a task be used at all? Programs that do not solve it must fail, honest ones must pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from evaluators.integrity.mutation import patiently
from evaluators.integrity.seams import Checker, Honest, Impostor
from nightforge.domain.integrity import AdmissionCheck, Finding


async def admit(
    checker: Checker, honest: Sequence[Honest], impostors: Sequence[Impostor]
) -> tuple[AdmissionCheck, ...]:
    """One check per program, honest ones first. An impostor that does not build has shown nothing and is not held."""
    checks = []
    for program in honest:
        found = await patiently(partial(checker.check, program.source))
        checks.append(_check(program.origin, "honest: a correct program of the task", "pass", found))
    for impostor in impostors:
        found = await patiently(partial(checker.check, impostor.source))
        expect = "pass" if impostor.must_pass else "reject"
        if impostor.refusal_counts:
            found = found.model_copy(update={"built": True})
        checks.append(_check(impostor.name, impostor.title, expect, found))
    return tuple(checks)


def _check(name: str, title: str, expect: str, found: Finding) -> AdmissionCheck:
    held = found.accepted if expect == "pass" else found.built and not found.accepted
    return AdmissionCheck(
        name=name,
        title=title,
        expect=expect,
        stage=found.stage,
        outcome="passed" if found.accepted else found.reason,
        feedback=found.feedback[:500],
        share=min(found.share, 1e30),
        held=held,
    )
