"""The policy and the offline operators together, for longer than the first programs have anything left to try."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from agents.offline.coder import OfflineCoder
from nightforge.catalogue import find_task
from nightforge.domain.archive import CAMPAIGN
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, Plan, SearchSpec
from nightforge.domain.search import Choice, PolicyContext, Result
from nightforge.domain.task import Task
from nightforge.domain.team import Draft, NoDraft, Program, StepContext, StepPlan
from nightforge.domain.words import CandidateState, OperatorKind, Outcome, SandboxTier, TeamKind
from nightforge.store import SqlStore, open_store
from tools.clock import SystemClock
from workflows.search.evolve import WIDE, Evolve
from workflows.search.islands import YOUTH
from workflows.stopping import EXHAUSTED_AFTER


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=SystemClock())
    yield opened
    await opened.close()


class Search:
    """A campaign's loop without an evaluator: a program's score is a number drawn from its text."""

    def __init__(self, store: SqlStore, context: PolicyContext) -> None:
        self.store, self.context, self.id = store, context, context.campaign_id
        self.policy = Evolve(context)
        self.coder = OfflineCoder()
        self.known: set[str] = set()
        self.barren = self.most_barren = 0
        self.islands: list[int] = []

    async def run(self, count: int) -> None:
        for ordinal in range(count):
            choice = self.policy.ask(ordinal, random=Random(ordinal)) if ordinal else Choice(parents=())
            await self.store.open_candidate(self.id, ordinal, parents=choice.parents, choice=choice)
            draft = await self.draft(ordinal, choice)
            await self.finish(ordinal, choice, draft)
            self.barren = 0 if isinstance(draft, Draft) else self.barren + 1
            self.most_barren = max(self.barren, self.most_barren)
            self.islands.append(choice.island)

    def program(self, ordinal: int) -> Program:
        row = self.store.candidate(self.id, ordinal)
        assert row.code_sha is not None
        return Program(ordinal=ordinal, source=self.store.source(row.code_sha), score=row.score)

    async def draft(self, ordinal: int, choice: Choice) -> Draft | NoDraft:
        task = self.context.task
        if ordinal == 0:
            return Draft(source=task.read(task.seed), operator=OperatorKind.REWRITE)
        parent, *others = map(self.program, choice.parents)
        asked = StepContext(
            campaign_id=self.id,
            ordinal=ordinal,
            goal="",
            task=task.name,
            language=task.language,
            brief="",
            objective=task.objective,
            parent=parent,
            inspirations=tuple(others),
            step=StepPlan(operator=choice.operator, operator_name=choice.operator_name, by_chance=choice.by_chance),
            shift=choice.shift,
            seed=ordinal,
        )
        return await self.coder.write(asked, random=Random(ordinal), is_known=self.known.__contains__)

    async def finish(self, ordinal: int, choice: Choice, draft: Draft | NoDraft) -> None:
        state, score, name = CandidateState.REJECTED, None, ""
        if isinstance(draft, Draft):
            self.known.add(draft.source)
            state, name = CandidateState.MEASURED, draft.operator_name
            score = -float(int(sha256(draft.source.encode()).hexdigest()[:6], 16))
            await self.store.save_code(self.id, ordinal, draft.source, attempt=0, operator=draft.operator)
            stage = StageEvidence(stage="map", outcome=Outcome.PASS, metrics={"adp_um2_ns": Metric(value=-score)})
            evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))
            await self.store.save_evidence(self.id, ordinal, evidence, attempt=0, score=score, score_low=score)
        await self.store.finish_candidate(self.id, ordinal, state)
        await self.policy.tell(
            Result(
                ordinal=ordinal,
                choice=choice,
                state=state,
                reason="" if isinstance(draft, Draft) else draft.reason,
                operator=None,
                operator_name=name,
                score=score,
                score_low=score,
                parent_score=self.store.candidate(self.id, choice.parents[0]).score if choice.parents else None,
                seconds=0.2,
            )
        )


async def search_on(store: SqlStore, task: Task) -> Search:
    plan = Plan(
        goal="small and fast",
        task=task.name,
        objectives=task.objectives,
        budget=Budget(evaluations=WIDE),
        search=SearchSpec(policy="evolve"),
        team=TeamKind.OFFLINE,
    )
    campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
    return Search(store, PolicyContext(campaign_id=campaign.campaign_id, plan=plan, task=task, store=store))


async def test_an_island_that_begins_when_the_seed_has_nothing_left_ends_no_campaign(store: SqlStore) -> None:
    made = await search_on(store, find_task("mul8"))
    await made.run(5 * YOUTH)
    assert {0, 1, 2} <= set(made.islands)
    assert made.most_barren < EXHAUSTED_AFTER // 2
    progress = made.policy._memory.progress
    assert progress[2].told > YOUTH // 2, "it was gone on with"
    assert progress[CAMPAIGN].told == 5 * YOUTH
