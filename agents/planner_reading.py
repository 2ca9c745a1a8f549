"""Reading a goal with no model: retrieval proposes the task, the parsed numbers the parameters, the check decides.

The planner with a model passes through the same functions, so that its reading is held to the same facts.
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from agents.fencing import clean_line
from agents.planner_checks import NO_TASK, check_goal, refuse, show, take, width_parameter
from agents.planner_matching import Fit, fit_tasks, rivals
from nightforge.domain.base import Scalar
from nightforge.domain.plan import GoalReading, Match, Question
from nightforge.domain.task import Task
from nightforge.errors import UserError
from tools.goal_numbers import GoalFacts, read_facts

GOAL_LIMIT = 2_000
"""Characters of a goal; a longer text is a document, not a goal."""
_FLOAT_BYTES = 4
_LEAST_SIZE = 64
"""Smaller numbers are minutes, threads, per cents."""


def read_goal_by_words(goal: str, tasks: Sequence[Task], *, now: datetime | None, machine: str = "") -> GoalReading:
    """Map a goal to a shipped task without a model; see GoalReading for what comes back."""
    impossible = unreadable(goal, tasks)
    if impossible is not None:
        return impossible
    facts = read_goal_facts(goal, now=now, machine=machine)
    if (meant := own_task(goal, tasks)) is not None:
        return check_goal(goal, facts, meant)
    fits = of_size(of_width(fit_tasks(goal, facts.rest, tasks), facts), facts)
    if not fits[0].is_possible:
        return nothing_fits(goal, fits)
    return _check_fit(goal, facts, fits, fits[0])


def of_width(fits: Sequence[Fit], facts: GoalFacts) -> Sequence[Fit]:
    """Without the tasks of other operand widths, where a task that fits has the width that the goal names."""
    widths = [int(number.value) for number in facts.widths]

    def offers_it(fit: Fit) -> bool | None:
        parameter = width_parameter(fit.task)
        return None if parameter is None else any(take(parameter, width) is not None for width in widths)

    if not any(fit.is_possible and fit.anchors and offers_it(fit) for fit in fits):
        return fits
    return [fit for fit in fits if offers_it(fit) is not False]


def of_size(fits: Sequence[Fit], facts: GoalFacts) -> Sequence[Fit]:
    """Without the rivals that no size in the goal suits, where exactly one of them offers a size that it names.

    "64 MB rows" is one shape of softmax and "4096 rows of 2048" another, though the goals say no other word of them.
    """
    named = rivals(fits)
    said = {dim for shape in facts.shapes for dim in shape.dims}
    for size in facts.sizes:
        item = _FLOAT_BYTES if size.unit == "bytes" else 1
        said |= {value // item for value in (size.value, size.other) if value}
    offering = [fit for fit in named if _offers(fit.task, said)]
    if len(named) < 2 or len(offering) != 1:
        return fits
    return [*offering, *(fit for fit in fits if fit not in named)]


def _offers(task: Task, sizes: Collection[int]) -> bool:
    counted = [parameter for parameter in task.parameters if type(parameter.default) is int and parameter.default > 1]
    return any(take(parameter, size) is not None for parameter in counted for size in sizes if size >= _LEAST_SIZE)


def own_task(goal: str, tasks: Sequence[Task]) -> Task | None:
    """The task whose own sentence the goal is, word for word: it needs no retrieval, and no model."""
    return next((task for task in tasks if task.goal.strip() == goal.strip()), None)


def read_goal_facts(goal: str, *, now: datetime | None, machine: str = "") -> GoalFacts:
    return read_facts(goal, now=now, machine=machine or platform.machine())


def unreadable(goal: str, tasks: Sequence[Task]) -> GoalReading | None:
    """The refusals that need no reading: nothing said, too much said, nothing shipped."""
    said = clean_line(goal, limit=120)
    if not said:
        why = "The goal is empty. Say what to make faster, for example: " + _examples(tasks)
        return refuse(said, why, matches=_matches_of(tasks))
    if len(goal) > GOAL_LIMIT:
        why = f"The goal has {len(goal):,} characters; at most {GOAL_LIMIT:,} are read. Say it in a sentence or two."
        return refuse(said, why, matches=_matches_of(tasks))
    if not tasks:
        return refuse(goal, "No task is installed, so that nothing can be evaluated.")
    return None


def nothing_fits(goal: str, fits: Sequence[Fit]) -> GoalReading:
    there = ", ".join(sorted(fit.task.name for fit in fits))
    why = f"No shipped task fits this goal. There is: {there}."
    return refuse(goal, why, matches=[fit.match for fit in fits])


def task_question(fits: Sequence[Fit], chosen: Fit) -> tuple[Question, ...]:
    """The question `task` where the words leave it open which task is meant, or whether one is."""
    near = [fit for fit in rivals(fits) if fit is not chosen]
    name, title = chosen.task.name, f"{chosen.task.name}: {chosen.task.title}"
    if near:
        others = "; ".join(f"{fit.task.name}: {fit.task.title}" for fit in near)
        text = f"The goal fits more than one task ({title}; {others}). Which one is meant?"
        return (_ask_task(text, name, [name, *(fit.task.name for fit in near), NO_TASK]),)
    if chosen.is_sure:
        return ()
    if chosen.misspelt:
        text = f'The goal says "{chosen.misspelt}". Is this meant ({title})?'
    elif chosen.strange or chosen.unknown:
        strange = ", ".join(f'"{clean_line(word, limit=40)}"' for word in (chosen.strange or chosen.unknown)[:5])
        text = f"The goal also says {strange}, which {name} knows nothing of. Go on with it ({title})?"
    else:
        text = f"The goal fits only loosely. Go on with this one ({title})?"
    return (_ask_task(text, name, [name, NO_TASK]),)


def answer_goal(
    reading: GoalReading, answers: Mapping[str, Scalar], tasks: Sequence[Task], *, now: datetime | None = None
) -> GoalReading:
    """The reading after a person's answers; a question without an answer takes its default.

    Another task than the one proposed is checked anew and may ask again. `none` ends in a refusal.
    Raises UserError for an answer that is not on offer.
    """
    unknown = set(answers) - {question.name for question in reading.questions}
    if unknown:
        raise UserError(f"no question is named {', '.join(sorted(unknown))}", where="answers")
    given = {
        question.name: _valid(question, answers.get(question.name, question.default)) for question in reading.questions
    }
    if NO_TASK in given.values():
        return refuse(reading.goal, "Ended by the answer none.", matches=reading.matches)
    wanted = given.get("task", reading.task)
    task = next((task for task in tasks if task.name == wanted), None)
    if task is None:
        raise UserError(f"no task {wanted!r}", where="answer task")
    if task.name != reading.task:
        facts = read_goal_facts(reading.goal, now=now)
        return check_goal(reading.goal, facts, task, matches=reading.matches)
    parameters = dict(reading.parameters)
    notes = list(reading.notes)
    for question in reading.questions:
        notes.append(f"{question.name} = {show(given[question.name])}: {question.text}")
        parameter = next((parameter for parameter in task.parameters if parameter.name == question.name), None)
        if parameter is None:
            continue
        offered = take(parameter, given[question.name])
        if offered is None:
            raise UserError(
                f"{show(given[question.name])} is not on offer",
                where=f"answer {question.name}",
                hint=question.text,
            )
        parameters[question.name] = offered
    return reading.model_copy(update={"parameters": parameters, "questions": (), "notes": tuple(notes)})


def _valid(question: Question, answer: Scalar) -> Scalar:
    if not question.choices:
        return answer
    for choice in question.choices:
        if choice == answer or str(choice).casefold() == str(answer).strip().casefold():
            return choice
    there = ", ".join(show(choice) for choice in question.choices)
    raise UserError(f"{answer!r} is not on offer", where=f"answer {question.name}", hint=f"choose from: {there}")


def _check_fit(goal: str, facts: GoalFacts, fits: Sequence[Fit], chosen: Fit) -> GoalReading:
    matches = [fit.match for fit in fits if fit.is_possible]
    return check_goal(goal, facts, chosen.task, questions=task_question(fits, chosen), matches=matches)


def _ask_task(text: str, default: str, choices: Sequence[str]) -> Question:
    return Question(name="task", text=text, default=default, choices=tuple(choices))


def _matches_of(tasks: Sequence[Task]) -> list[Match]:
    return [Match(task=task.name, score=0.0, why=task.title) for task in tasks]


def _examples(tasks: Sequence[Task]) -> str:
    return "; ".join(f'"{task.goal}"' for task in tasks[:3]) + "."
