"""Lessons: what the analyst of one campaign leaves for later ones, and how these get it into their prompts."""

from __future__ import annotations

from nightforge.domain.archive import Lesson
from nightforge.domain.base import Frozen
from nightforge.domain.ports import Store
from nightforge.domain.task import Task
from nightforge.domain.team import Analysis
from nightforge.domain.words import TeamKind
from workflows.workshop import Workshop

READ = "lessons"
"""The document that holds the lessons which a campaign began with."""
MOST = 6


class LessonsRead(Frozen):
    """Fixed at the campaign's first start: a prompt that was paid for must be the same after a resume."""

    texts: tuple[str, ...] = ()


async def read_lessons(shop: Workshop) -> None:
    """Into the workshop, for a team with a model. Campaigns that are compared learn nothing from one another."""
    if shop.plan.team is TeamKind.OFFLINE or not shop.plan.search.reuse_evaluations:
        return
    known = shop.store.document(shop.campaign_id, READ, LessonsRead)
    if known is None:
        found = shop.store.lessons(shop.campaign_id, task=shop.task.name, language=shop.task.language, limit=MOST)
        known = LessonsRead(texts=tuple(dict.fromkeys(lesson.text for lesson in found)))
        await shop.store.save_document(shop.campaign_id, READ, known)
    shop.lessons = known.texts


async def leave_lessons(store: Store, campaign_id: str, task: Task, analysis: Analysis) -> None:
    left = [Lesson(task.name, task.language, text) for text in dict.fromkeys(analysis.lessons) if text]
    await store.save_lessons(campaign_id, left[:MOST])
