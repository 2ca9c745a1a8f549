"""The coder with a model: operators diff, full and crossover, and repair; replies are edits or whole programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from agents.fencing import clean_line
from agents.prompting import load_prompt
from agents.prompting_context import (
    describe_brief,
    describe_guidance,
    describe_objective,
    describe_others,
    describe_program,
    describe_stage,
)
from nightforge.domain.base import Frozen
from nightforge.domain.model import CallKey, Message, Reply
from nightforge.domain.ports import ModelClient
from nightforge.domain.team import Coder, Draft, NoDraft, Program, StepContext
from nightforge.domain.words import OperatorKind, Role
from tools.llm_errors import UnusableReply
from tools.patching import has_edits, program_from_reply

WEIGHTS = {OperatorKind.DIFF: 0.6, OperatorKind.FULL: 0.3, OperatorKind.CROSSOVER: 0.1}
"""Shares of the operators where the planner leaves the choice open: those of ShinkaEvolve's default mix."""
_NOTE = re.compile(r"^\W{0,3}NOTE\W{0,3}:\W*(?P<note>.+)$", re.IGNORECASE | re.MULTILINE)


class LlmCoder:
    """Implements `nightforge.domain.team.Coder`.

    A reply that is prose, cut, refused, known already or does not apply is a NoDraft with feedback; the graph decides
    whether to repair. Faults of the endpoint and spent budgets raise. `programs` (optional) carries out operators
    that need no model: `tune` and `rewrite`.
    """

    def __init__(self, client: ModelClient, *, programs: Coder | None = None) -> None:
        self._client = client
        self._programs = programs
        self._prompt = load_prompt("coder")

    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        operator = choose_operator(context, random)
        if operator not in WEIGHTS:
            if self._programs is not None:
                return await self._programs.write(context, random=random, is_known=is_known)
            operator = OperatorKind.DIFF
        base = context.parent
        messages = self._write_messages(context, operator)
        step = f"code.{context.draft}" if context.draft else "code"
        return await self._ask(context, messages, step, base, operator, is_known)

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        if context.failure is None:
            return NoDraft(reason="nothing_to_try", feedback="There is no failure to mend.")
        base = context.broken or context.parent
        messages = self._repair_messages(context, base)
        return await self._ask(context, messages, f"repair.{context.attempt}", base, OperatorKind.REPAIR, is_known)

    async def _ask(
        self,
        context: StepContext,
        messages: Sequence[Message],
        step: str,
        base: Program,
        operator: OperatorKind,
        is_known: Callable[[str], bool],
    ) -> Draft | NoDraft:
        key = CallKey(campaign_id=context.campaign_id, ordinal=context.ordinal, step=step, role=Role.CODER)
        try:
            reply: Reply[Frozen] = await self._client.complete(key, messages)
        except UnusableReply as unusable:
            return NoDraft(reason=unusable.reason, feedback=clean_line(str(unusable)))
        program = program_from_reply(base.source, reply.text)
        if isinstance(program, NoDraft):
            return program
        if program.strip() == base.source.strip():
            return NoDraft(reason="duplicate", feedback="The reply changes nothing in the program.")
        if is_known(program):
            return NoDraft(reason="duplicate", feedback="This very program was evaluated before.")
        form = "edits" if has_edits(reply.text) else "whole"
        return Draft(source=program, operator=operator, operator_name=f"{operator}.{form}", note=note_of(reply.text))

    def _write_messages(self, context: StepContext, operator: OperatorKind) -> tuple[Message, ...]:
        form = "edits" if operator is OperatorKind.DIFF else "whole"
        user = self._prompt.fill(
            str(operator),
            parent=_describe_parent(context),
            others=describe_others(context),
            guidance=describe_guidance(context),
            form=self._prompt.fill(form),
        )
        return self._prompt.messages(self._system(context), user)

    def _repair_messages(self, context: StepContext, base: Program) -> tuple[Message, ...]:
        assert context.failure is not None
        is_draft = context.broken is not None and context.broken.source != context.parent.source
        title = (
            "The failing program" if is_draft else "The program to change: your last reply about it could not be used"
        )
        # The failure is shown once, in full, as the failing stage's evidence.
        bare = Program(ordinal=base.ordinal, source=base.source, note=base.note)
        user = self._prompt.fill(
            "repair",
            broken=describe_program(title, bare, context.language),
            failure=describe_stage(context.failure),
            parent=_describe_parent(context) if is_draft else "It is the parent itself, which is right as it stands.",
            guidance=describe_guidance(context),
            attempt=str(context.attempt),
            form=self._prompt.fill("edits"),
        )
        return self._prompt.messages(self._system(context), user)

    def _system(self, context: StepContext) -> str:
        """The same for every call of a campaign, so that endpoints can reuse it."""
        return self._prompt.fill(
            "system",
            language=clean_line(context.language),
            objective=describe_objective(context.objective, context.parameters),
            brief=describe_brief(context),
        )


def choose_operator(context: StepContext, random: Random) -> OperatorKind:
    """The planner's choice, else one drawn by weight; a crossover needs a second program."""
    wanted = context.step.operator
    if wanted is OperatorKind.CROSSOVER and not context.inspirations:
        return OperatorKind.DIFF
    if wanted is not None and wanted not in {OperatorKind.REPAIR, OperatorKind.AGENT}:
        return wanted
    kinds = [kind for kind in WEIGHTS if kind is not OperatorKind.CROSSOVER or context.inspirations]
    return random.choices(kinds, weights=[WEIGHTS[kind] for kind in kinds])[0]


def note_of(reply: str) -> str:
    """The coder's own line on what it changed; untrusted, one line, bounded. Empty when it gave none."""
    match = _NOTE.search(reply[:4_000])
    return clean_line(match["note"], limit=200) if match else ""


def _describe_parent(context: StepContext) -> str:
    return describe_program(
        f"The parent program (candidate {context.parent.ordinal})", context.parent, context.language
    )
