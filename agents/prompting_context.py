"""The parts of a prompt that several roles share: programs, evidence, guidance, each fenced, bounded and labelled.

What comes from a candidate (code, feedback, notes, verdicts on it) is untrusted; so are lessons, which quote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.fencing import FEEDBACK_LIMIT, SOURCE_LIMIT, clean_line, fence
from agents.knowledge import Section, advise, joined, on_failure, on_lines
from agents.knowledge.shapes import shapes
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.profile import KernelProfile
from nightforge.domain.profile_words import profile_lines
from nightforge.domain.task import Objective
from nightforge.domain.team import Program, StepContext
from nightforge.domain.words import Direction

BRIEF_LIMIT = 20_000
GOAL_LIMIT = 4_000
GUIDANCE_LIMIT = 4_000
MOST_INSPIRATIONS = 5
"""Other programs in a prompt, at most: the champion, an unlike one and the demonstrations."""
_MOST_METRICS = 24


def describe_objective(objective: Objective, parameters: Mapping[str, Scalar]) -> str:
    more = "more is better" if objective.direction is Direction.MAX else "less is better"
    setting = ", ".join(f"{name} = {value}" for name, value in parameters.items())
    title = f" ({clean_line(objective.title)})" if objective.title else ""
    return f"{objective.metric} in {objective.unit or 'no unit'}{title}, {more}" + (f"; {setting}" if setting else "")


def describe_brief(context: StepContext) -> str:
    """The task's own text. It is ours or the user's, and fenced like the rest so that its own fences stay closed."""
    return fence("The brief of the task", context.brief, limit=BRIEF_LIMIT, is_data=False)


def describe_goal(goal: str) -> str:
    return fence("The goal, in the user's words", goal, limit=GOAL_LIMIT, is_data=False)


def describe_program(title: str, program: Program, language: str) -> str:
    """A program with its measured numbers, the judge's words and the evaluator's feedback."""
    parts = [fence(title, program.source, limit=SOURCE_LIMIT, language=language)]
    if program.metrics:
        parts.append(f"Measured: {list_metrics(program.metrics)}.")
    if program.profile is not None:
        parts.append(describe_profile(program.profile))
    about = []
    if program.note:
        about.append(f"what was changed: {clean_line(program.note)}")
    if program.verdict is not None:
        words = (
            ("limit", program.verdict.limit.value if program.verdict.limit is not None else ""),
            ("bottleneck", program.verdict.bottleneck),
            ("next step", program.verdict.next_step),
            ("suspicion", program.verdict.suspicion),
        )
        about += [f"judge, {name}: {clean_line(text)}" for name, text in words if text]
    if about:
        parts.append(fence("Notes on it", "\n".join(about), limit=GUIDANCE_LIMIT))
    if program.feedback:
        parts.append(fence("The evaluator's feedback on it", program.feedback, limit=FEEDBACK_LIMIT))
    return "\n\n".join(parts)


def describe_profile(profile: KernelProfile | None) -> str:
    """Tools quote names of the candidate's: it is fenced as the candidate is."""
    if profile is None:
        return "No profile was made of it."
    lines = [clean_line(line) for line in profile_lines(profile)]
    return fence("Its profile, made by our tools", "\n".join(lines), limit=FEEDBACK_LIMIT)


def describe_others(context: StepContext) -> str:
    shown = context.inspirations[:MOST_INSPIRATIONS]
    if not shown:
        return "No other program is shown."
    return "\n\n".join(
        describe_program(f"Another program (candidate {program.ordinal})", program, context.language)
        for program in shown
    )


def describe_guidance(context: StepContext) -> str:
    """What the planner, the lessons and the person at the controls say about this step."""
    parts = []
    if context.step.hint:
        parts.append(fence("The planner's hint for this step", context.step.hint, limit=GUIDANCE_LIMIT, is_data=False))
    if context.hints:
        parts.append(
            fence(
                "Hints from the person who runs the search",
                _bullets(context.hints),
                limit=GUIDANCE_LIMIT,
                is_data=False,
            )
        )
    if context.lessons:
        parts.append(fence("Lessons of earlier searches", _bullets(context.lessons), limit=GUIDANCE_LIMIT))
    if context.failures:
        tried = _bullets(context.failures)
        parts.append(fence("What was tried on this parent and failed", tried, limit=GUIDANCE_LIMIT))
        parts += describe_knowledge(joined(on_lines(pack_of(context), context.failures)))
    advice = joined(advice_for(context))
    if advice:
        parts.append(fence("What is known of such loops", advice, limit=GUIDANCE_LIMIT, is_data=False))
    if context.failure is not None and context.broken is None:
        parts.append(
            "The last attempt at this step could not be used:\n" + describe_failure(context.failure, pack_of(context))
        )
    return "\n\n".join(parts) or "There is no further guidance."


def pack_of(context: StepContext) -> str:
    """The language whose knowledge pack may be shown; none where the plan shows none."""
    return context.language if context.knowledge else ""


def advice_for(context: StepContext) -> tuple[Section, ...]:
    """What the pack says on a parent that works: by the judge's bottleneck, the profile's signs, the shapes of loops.

    A broken program gets what explains its failure instead.
    """
    if not context.knowledge or context.broken is not None:
        return ()
    parent = context.parent
    limit = parent.verdict.limit.value if parent.verdict is not None and parent.verdict.limit is not None else ""
    signs = [sign.bottleneck.value for sign in parent.profile.signs] if parent.profile is not None else []
    return advise(context.language, limit=limit, signs=signs, shapes=shapes(context.language, parent.source))


def knowledge_shown(context: StepContext) -> tuple[str, ...]:
    """The names of all sections that a coder's prompt on this step holds."""
    pack = pack_of(context)
    failure = on_failure(pack, context.failure) if context.failure is not None else ()
    sections = (*on_lines(pack, context.failures), *advice_for(context), *failure)
    return tuple(dict.fromkeys(section.name for section in sections))


def describe_knowledge(text: str) -> list[str]:
    """Words of ours on what went wrong; nothing where the pack has none."""
    return [fence("What such complaints mean", text, limit=GUIDANCE_LIMIT, is_data=False)] if text else []


def describe_failure(stage: StageEvidence, language: str) -> str:
    """A failed stage with what the language's knowledge pack says on it."""
    return "\n\n".join([describe_stage(stage), *describe_knowledge(joined(on_failure(language, stage)))])


def describe_stage(stage: StageEvidence) -> str:
    """One stage's evidence: what it is, how it ended and why, its numbers, its feedback."""
    head = f"Stage {clean_line(stage.stage)}: {stage.outcome}"
    if stage.reason:
        head += f" (reason: {clean_line(stage.reason)})"
    parts = [head + "."]
    if stage.metrics:
        parts.append(f"Numbers: {list_metrics(stage.metrics)}.")
    if stage.feedback:
        parts.append(fence("Feedback", stage.feedback, limit=FEEDBACK_LIMIT))
    return "\n".join(parts)


def describe_evidence(evidence: Evidence) -> str:
    return "\n\n".join(describe_stage(stage) for stage in evidence.stages)


def list_metrics(metrics: Mapping[str, Metric]) -> str:
    return ", ".join(
        f"{clean_line(name)} = {show_metric(metric)}" for name, metric in list(metrics.items())[:_MOST_METRICS]
    )


def show_metric(metric: Metric) -> str:
    unit = f" {clean_line(metric.unit)}" if metric.unit else ""
    interval = "" if metric.low is None or metric.high is None else f" [{metric.low:.4g}, {metric.high:.4g}]"
    return f"{metric.value:.4g}{unit}{interval}"


def _bullets(texts: Sequence[str]) -> str:
    return "\n".join(f"- {clean_line(text)}" for text in texts)
