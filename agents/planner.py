"""The planner with a model. Its reading of a goal passes the same checks as the offline one before anyone sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from agents.coder import PROGRAMS, chosen_kind
from agents.fencing import clean_line, fence
from agents.planner_checks import MAX_QUESTIONS, check_goal, refuse, take
from agents.planner_matching import Fit, fit_tasks
from agents.planner_reading import (
    nothing_fits,
    of_size,
    of_width,
    own_task,
    read_goal_by_words,
    read_goal_facts,
    task_question,
    unreadable,
)
from agents.prompting import load_prompt
from agents.prompting_context import (
    describe_brief,
    describe_goal,
    describe_guidance,
    describe_objective,
    describe_others,
    describe_program,
)
from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.model import CallKey
from nightforge.domain.plan import Budget, GoalReading, Question
from nightforge.domain.ports import Clock, ModelClient
from nightforge.domain.task import Parameter, Task
from nightforge.domain.team import StepContext, StepPlan
from nightforge.domain.words import OperatorKind, Role
from tools.goal_numbers import GoalFacts
from tools.llm_errors import UnusableReply

_MOST_NOTES = 5
_TASK_TEXT_LIMIT = 2_000


class NamedValue(Frozen):
    """A parameter of the task; numbers are given as numbers."""

    name: str
    value: Scalar


class AskedParameter(Frozen):
    name: str
    text: str
    default: Scalar


class GoalReply(Frozen):
    """What the model makes of a goal, before it is checked."""

    task: str | None = None
    parameters: tuple[NamedValue, ...] = ()
    questions: tuple[AskedParameter, ...] = ()
    minutes: Annotated[float, Field(ge=0)] | None = None
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    evaluations: Annotated[int, Field(ge=0)] | None = None
    target: float | None = None
    refusal: str = ""
    notes: tuple[str, ...] = ()


class StepReply(Frozen):
    operator: OperatorKind | None = None
    hint: str = ""
    reason: str = ""


MEANINGS = {
    OperatorKind.DIFF: "a focused change of the parent",
    OperatorKind.FULL: "a new program, for another algorithm or order of the work",
    OperatorKind.CROSSOVER: "the parent joined with the other programs shown",
    OperatorKind.TUNE: "other values of the parent's declared tunables, found without a model",
    OperatorKind.REWRITE: "a loop or flag transformation of the parent, found without a model",
}
"""Of the operators, as the planner is told."""
NO_READING = "The model gave no usable reading"
"""How the note begins that says so."""


class LlmPlanner:
    """Implements `nightforge.domain.team.Planner`.

    `planning_id` keys the reading of the goal, which happens before the campaign has a plan. `operators` are those
    that the coder can carry out.
    """

    def __init__(
        self, client: ModelClient, *, planning_id: str, clock: Clock, operators: Sequence[OperatorKind]
    ) -> None:
        self._client = client
        self._planning_id = planning_id
        self._clock = clock
        self._operators = tuple(operators)
        self._goal_prompt = load_prompt("planner_goal")
        self._step_prompt = load_prompt("planner_step")
        self._shift_prompt = load_prompt("planner_shift")

    async def read_goal(self, goal: str, tasks: Sequence[Task]) -> GoalReading:
        """Ask the model, then hold its answer against the goal's own words and the tasks.

        The numbers and names that the goal states stand above what the model makes of them; a task that the words
        do not speak for is asked about; what no task offers is refused.
        """
        impossible = unreadable(goal, tasks)
        if impossible is not None:
            return impossible
        facts = read_goal_facts(goal, now=self._clock.now().astimezone())
        if (meant := own_task(goal, tasks)) is not None:
            return check_goal(goal, facts, meant)
        fits = of_size(of_width(fit_tasks(goal, facts.rest, tasks), facts), facts)
        key = CallKey(campaign_id=self._planning_id, step="plan", role=Role.PLANNER)
        prompt = self._goal_prompt
        system = prompt.fill("system", tasks="\n\n".join(map(_describe_task, tasks)))
        messages = prompt.messages(system, prompt.fill("user", goal=describe_goal(goal)))
        try:
            reply = await self._client.complete(key, messages, schema=GoalReply)
        except UnusableReply as unusable:
            by_words = read_goal_by_words(goal, tasks, now=self._clock.now().astimezone())
            note = f"{NO_READING} ({clean_line(str(unusable))}): the goal was read by its words."
            return by_words.model_copy(update={"notes": (*by_words.notes, note)})
        return check_reply(goal, facts, fits, reply.value or GoalReply())

    async def plan_step(self, context: StepContext) -> StepPlan:
        """Words for the coder. Nothing is asked where a program carries the step out: it reads no words."""
        chosen = chosen_kind(context)
        if chosen in PROGRAMS and chosen in self._operators:
            return context.step
        key = CallKey(campaign_id=context.campaign_id, ordinal=context.ordinal, step="plan_step", role=Role.PLANNER)
        prompt = self._shift_prompt if context.shift else self._step_prompt
        about = {
            "language": clean_line(context.language),
            "objective": describe_objective(context.objective, context.parameters),
            "brief": describe_brief(context),
            "operators": self._describe_operators(context),
        }
        system = prompt.fill("system", **{name: about[name] for name in prompt.names("system")})
        user = prompt.fill(
            "user",
            goal=describe_goal(context.goal),
            parent=describe_program(
                f"The parent program (candidate {context.parent.ordinal})", context.parent, context.language
            ),
            others=describe_others(context),
            guidance=describe_guidance(context),
        )
        try:
            reply = await self._client.complete(key, prompt.messages(system, user), schema=StepReply)
        except UnusableReply as unusable:
            return StepPlan(reason=clean_line(f"The planner gave no usable plan: {unusable}"))
        said = reply.value or StepReply()
        operator = said.operator if said.operator in self._operators else None
        return StepPlan(operator=operator, hint=clean_line(said.hint, limit=600), reason=clean_line(said.reason))

    def _describe_operators(self, context: StepContext) -> str:
        """What may be chosen; or what is settled already, so that the hint fits it."""
        chosen = chosen_kind(context)
        if chosen in self._operators:
            return f"null, for it is settled: {_describe_kind(chosen)}. Your hint must suit it"
        on_offer = [kind for kind in self._operators if kind is not OperatorKind.CROSSOVER or context.inspirations]
        return (
            f"how the next program is made, one of {', '.join(map(_describe_kind, on_offer))}, or null to leave it open"
        )


def _describe_kind(kind: OperatorKind) -> str:
    return f"{kind} ({MEANINGS[kind]})"


def check_reply(goal: str, facts: GoalFacts, fits: Sequence[Fit], reply: GoalReply) -> GoalReading:
    """A model's reading as a GoalReading: checked by the rules that the offline reading passes, and never trusted."""
    matches = [fit.match for fit in fits]
    if reply.task is None:
        why = clean_line(reply.refusal) or "The model finds no task for this goal."
        there = nothing_fits(goal, fits).refusal
        return refuse(goal, f"{why} {there}", matches=matches)
    chosen = next((fit for fit in fits if fit.task.name == reply.task), None)
    if chosen is None:
        why = f"The model names {clean_line(reply.task, limit=80)!r}, which is no shipped task."
        return refuse(goal, f"{why} {nothing_fits(goal, fits).refusal}", matches=matches)
    parameters = {named.name: _scalar(chosen.task, named) for named in reply.parameters}
    notes = [clean_line(note) for note in reply.notes[:_MOST_NOTES] if note.strip()]
    reading = check_goal(
        goal,
        facts,
        chosen.task,
        proposed=parameters,
        questions=_task_questions(fits, chosen),
        notes=notes,
        matches=[fit.match for fit in fits if fit.is_possible],
    )
    if reading.task is None:
        return reading
    reading = _add_questions(reading, chosen.task, reply)
    update: dict[str, object] = {"budget": _smaller(reading.budget, reply)}
    if reading.target is None and reply.target is not None and reply.target > 1 and chosen.task.objective.unit == "x":
        update["target"] = reply.target
        update["notes"] = (*reading.notes, f"The model reads a target of {reply.target:g}x out of the goal.")
    return reading.model_copy(update=update)


def _task_questions(fits: Sequence[Fit], chosen: Fit) -> tuple[Question, ...]:
    """What the words leave open. A task that they do not speak for at all is the model's guess, and is asked about."""
    if chosen is fits[0]:
        return task_question(fits, chosen) if chosen.is_possible else (_ask_guess(fits, chosen),)
    return (_ask_guess(fits, chosen),)


def _ask_guess(fits: Sequence[Fit], chosen: Fit) -> Question:
    name = chosen.task.name
    others = [fit.task.name for fit in fits if fit is not chosen and fit.is_possible]
    instead = f"; its words fit {' or '.join(others)} better" if others else ""
    text = (
        f"The model reads the goal as {name} ({chosen.task.title}), which its words do not say{instead}. Is it meant?"
    )
    return Question(name="task", text=text, default=name, choices=(name, *others, "none"))


def _add_questions(reading: GoalReading, task: Task, reply: GoalReply) -> GoalReading:
    """The model's own questions, where they are about a parameter, offer its values and are not asked already."""
    questions = list(reading.questions)
    notes = list(reading.notes)
    for asked in reply.questions:
        parameter = next((one for one in task.parameters if one.name == asked.name), None)
        default = None if parameter is None else take(parameter, _number_or_text(parameter, asked.default))
        if parameter is None or default is None:
            notes.append(f"The model asks: {clean_line(asked.text)}")
        elif all(question.name != parameter.name for question in questions) and len(questions) < MAX_QUESTIONS:
            settled = reading.parameters[parameter.name]
            questions.append(
                Question(
                    name=parameter.name,
                    text=clean_line(asked.text) or f"Which {parameter.title}?",
                    default=settled,
                    choices=parameter.choices,
                )
            )
    return reading.model_copy(update={"questions": tuple(questions), "notes": tuple(notes)})


def _smaller(words: Budget, reply: GoalReply) -> Budget:
    """The goal's own caps, and the model's where they are lower or the only ones."""

    def least(*caps: float | None) -> float | None:
        return min((cap for cap in caps if cap is not None), default=None)

    evaluations = least(words.evaluations, reply.evaluations)
    return Budget(
        evaluations=None if evaluations is None else int(evaluations),
        wall_s=least(words.wall_s, None if reply.minutes is None else reply.minutes * 60),
        cost_usd=least(words.cost_usd, reply.cost_usd),
        tokens=words.tokens,
    )


def _scalar(task: Task, named: NamedValue) -> Scalar:
    parameter = next((one for one in task.parameters if one.name == named.name), None)
    return named.value if parameter is None else _number_or_text(parameter, named.value)


def _number_or_text(parameter: Parameter, value: Scalar) -> Scalar:
    """Models write numbers as text now and then: "16777216" where a count is due."""
    if not isinstance(value, str) or isinstance(parameter.default, str | bool):
        return value
    try:
        number = float(value.replace(",", "").replace("_", ""))
    except ValueError:
        return value
    return int(number) if number.is_integer() else number


def _describe_task(task: Task) -> str:
    """What can be chosen, as the model needs it; the texts are the task author's."""
    lines = [
        f"name: {task.name}",
        f"title: {task.title}",
        f"goal: {task.goal}",
        f"language: {task.language}",
        f"measured: {describe_objective(task.objective, {})}",
        *(f"parameter {parameter.name} ({parameter.title}): {_offer(parameter)}" for parameter in task.parameters),
    ]
    return fence(f"Task {task.name}", "\n".join(clean_line(line) for line in lines), limit=_TASK_TEXT_LIMIT)


def _offer(parameter: Parameter) -> str:
    """Numbers without separators, as they are to be given back."""
    choices = {
        "one of": ", ".join(map(str, parameter.choices)),
        "from": "" if parameter.minimum is None else f"{parameter.minimum:.15g}",
        "to": "" if parameter.maximum is None else f"{parameter.maximum:.15g}",
    }
    on_offer = "; ".join(f"{name} {value}" for name, value in choices.items() if value)
    unit = f" {parameter.unit}" if parameter.unit else ""
    return f"default {parameter.default}{unit}; {on_offer or 'nothing else'}"
