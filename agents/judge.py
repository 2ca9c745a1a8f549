"""The judge with a model: words on evidence, beside the score and never in it."""

from __future__ import annotations

from agents.fencing import SOURCE_LIMIT, clean_line, fence
from agents.prompting import load_prompt
from agents.prompting_context import (
    describe_brief,
    describe_evidence,
    describe_objective,
    describe_profile,
    describe_program,
)
from nightforge.domain.candidate import Verdict
from nightforge.domain.evidence import Evidence
from nightforge.domain.model import CallKey
from nightforge.domain.ports import ModelClient
from nightforge.domain.team import StepContext
from nightforge.domain.words import Role
from tools.llm_errors import UnusableReply


class LlmJudge:
    """Implements `nightforge.domain.team.Judge`. An unusable reply is an empty verdict that says so."""

    def __init__(self, client: ModelClient) -> None:
        self._client = client
        self._prompt = load_prompt("judge")

    async def judge(self, context: StepContext, source: str, evidence: Evidence) -> Verdict:
        step = f"judge.{context.attempt}" if context.attempt else "judge"
        key = CallKey(campaign_id=context.campaign_id, ordinal=context.ordinal, step=step, role=Role.JUDGE)
        system = self._prompt.fill(
            "system",
            language=clean_line(context.language),
            objective=describe_objective(context.objective, context.parameters),
            brief=describe_brief(context),
        )
        user = self._prompt.fill(
            "user",
            candidate=fence("The candidate's program", source, limit=SOURCE_LIMIT, language=context.language),
            evidence=describe_evidence(evidence),
            profile=describe_profile(context.profile),
            parent=describe_program("The parent that it was made from", context.parent, context.language),
        )
        try:
            reply = await self._client.complete(key, self._prompt.messages(system, user), schema=Verdict)
        except UnusableReply as unusable:
            return Verdict(summary=clean_line(f"The judge gave no usable verdict: {unusable}"))
        return _bounded(reply.value)


def _bounded(verdict: Verdict | None) -> Verdict:
    """A verdict quotes the candidate, so that it is as untrusted as the candidate is."""
    if verdict is None:
        return Verdict()
    return Verdict(
        limit=verdict.limit,
        bottleneck=clean_line(verdict.bottleneck),
        next_step=clean_line(verdict.next_step),
        suspicion=clean_line(verdict.suspicion),
        summary=clean_line(verdict.summary),
    )
