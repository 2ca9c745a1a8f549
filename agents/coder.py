"""The coder with a model: operators diff, full and crossover, and repair; replies are edits or whole programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random

from agents.fencing import SOURCE_LIMIT, clean_line
from agents.prompting import load_prompt
from agents.prompting_context import (
    describe_brief,
    describe_failure,
    describe_guidance,
    describe_objective,
    describe_others,
    describe_program,
    knowledge_shown,
    pack_of,
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
PROGRAMS = frozenset({OperatorKind.TUNE, OperatorKind.REWRITE})
"""Operators that need no model."""
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
        step = f"code.{context.draft}" if context.draft else "code"
        return await self._ask(context, self._write_messages, step, context.parent, operator, is_known)

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        if context.failure is None:
            return NoDraft(reason="nothing_to_try", feedback="There is no failure to mend.")
        base = context.broken or context.parent
        step = f"repair.{context.attempt}"
        return await self._ask(context, self._repair_messages, step, base, OperatorKind.REPAIR, is_known)

    async def _ask(
        self,
        context: StepContext,
        phrase: Callable[[StepContext, OperatorKind], Sequence[Message]],
        step: str,
        base: Program,
        operator: OperatorKind,
        is_known: Callable[[str], bool],
    ) -> Draft | NoDraft:
        key = CallKey(campaign_id=context.campaign_id, ordinal=context.ordinal, step=step, role=Role.CODER)
        if len(base.source) > SOURCE_LIMIT:
            # A program that is shown in part would come back in part.
            what = f"The program has {len(base.source):,} characters; a prompt takes {SOURCE_LIMIT:,}."
            return NoDraft(reason="context_length", feedback=what)
        reply = await self._reply(key, context, phrase, operator)
        if isinstance(reply, NoDraft):
            return reply
        program = program_from_reply(base.source, reply.text)
        if isinstance(program, NoDraft):
            return program
        if program.strip() == base.source.strip():
            return NoDraft(reason="duplicate", feedback="The reply changes nothing in the program.")
        if is_known(program):
            return NoDraft(reason="duplicate", feedback="This very program was evaluated before.")
        form = "edits" if has_edits(reply.text) else "whole"
        return Draft(
            source=program,
            operator=operator,
            operator_name=f"{operator}.{form}",
            note=note_of(reply.text),
            model=reply.model,
            knowledge=knowledge_shown(context),
        )

    async def _reply(
        self,
        key: CallKey,
        context: StepContext,
        phrase: Callable[[StepContext, OperatorKind], Sequence[Message]],
        operator: OperatorKind,
    ) -> Reply[Frozen] | NoDraft:
        """The chosen model's reply. A prompt too long for every model loses what it can do without, in a fixed order;
        the program to change, the brief, the failure and the words of planner and person are never cut."""
        refused: NoDraft | None = None
        for shown in shorter_contexts(context):
            if operator is OperatorKind.CROSSOVER and not shown.inspirations:
                break
            try:
                return await self._client.complete(key, phrase(shown, operator), model=context.step.model)
            except UnusableReply as unusable:
                refused = NoDraft(reason=unusable.reason, feedback=clean_line(str(unusable)))
                if unusable.reason != "context_length":
                    return refused
        return refused or NoDraft(reason="nothing_to_try", feedback="A crossover needs a second program.")

    def _write_messages(self, context: StepContext, operator: OperatorKind) -> tuple[Message, ...]:
        form = "edits" if operator is OperatorKind.DIFF else "whole"
        user = self._prompt.fill(
            str(operator),
            parent=_describe_parent(context),
            others=describe_others(context),
            guidance=describe_guidance(context),
            form=self._prompt.fill(form, target="the parent program") if form == "edits" else self._prompt.fill(form),
        )
        return self._prompt.messages(self._system(context), user)

    def _repair_messages(self, context: StepContext, operator: OperatorKind) -> tuple[Message, ...]:
        assert context.failure is not None
        base = context.broken or context.parent
        is_draft = context.broken is not None and context.broken.source != context.parent.source
        title = (
            "The failing program" if is_draft else "The program to change: your last reply about it could not be used"
        )
        # The failure is shown once, in full, as the failing stage's evidence.
        bare = Program(ordinal=base.ordinal, source=base.source, note=base.note)
        # Of the parent only the program helps to mend another; what could be better about it does not.
        shown = context.model_copy(update={"parent": _bare(context.parent)})
        user = self._prompt.fill(
            str(operator),
            broken=describe_program(title, bare, context.language),
            failure=describe_failure(context.failure, pack_of(context)),
            parent=_describe_parent(shown) if is_draft else "It is the parent itself, which is right as it stands.",
            guidance=describe_guidance(context),
            attempt=str(context.attempt),
            form=self._prompt.fill("edits", target="the failing program" if is_draft else "the program to change"),
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
    wanted = chosen_kind(context)
    if wanted is OperatorKind.CROSSOVER and not context.inspirations:
        return OperatorKind.DIFF
    if wanted is not None and wanted not in {OperatorKind.REPAIR, OperatorKind.AGENT}:
        return wanted
    kinds = [kind for kind in WEIGHTS if kind is not OperatorKind.CROSSOVER or context.inspirations]
    return random.choices(kinds, weights=[WEIGHTS[kind] for kind in kinds])[0]


def chosen_kind(context: StepContext) -> OperatorKind | None:
    """The operator that the policy or the planner has settled; None leaves it open."""
    return context.step.operator or _kind_of(context.step.operator_name)


def _kind_of(operator_name: str) -> OperatorKind | None:
    """`rewrite.unroll` → `rewrite`."""
    kind = operator_name.partition(".")[0]
    return OperatorKind(kind) if kind in set(OperatorKind) else None


def shorter_contexts(context: StepContext) -> Iterator[StepContext]:
    """The context whole; without the other programs; without lessons and what was said of the parent, too."""
    yield context
    alone = context.model_copy(update={"inspirations": ()})
    if context.inspirations:
        yield alone
    bare = _bare(context.parent)
    if context.lessons or context.parent != bare:
        yield alone.model_copy(update={"lessons": (), "parent": bare})


def _bare(program: Program) -> Program:
    return Program(ordinal=program.ordinal, source=program.source)


def note_of(reply: str) -> str:
    """The coder's own line on what it changed; untrusted, one line, bounded. Empty when it gave none."""
    match = _NOTE.search(reply[:4_000])
    return clean_line(match["note"], limit=200) if match else ""


def _describe_parent(context: StepContext) -> str:
    return describe_program(
        f"The parent program (candidate {context.parent.ordinal})", context.parent, context.language
    )
