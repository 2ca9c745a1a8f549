"""The one gate between a reading of a goal and a plan, whoever read it.

Retrieval or a model proposes a task; here every fact of the goal is held against what the task has on offer. What does
not fit becomes a question with a default, or a refusal: a wrong task is never run in silence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from agents.planner_counts import Count, counts_of, is_said
from nightforge.domain.base import Scalar
from nightforge.domain.plan import Budget, GoalReading, Match, Question
from nightforge.domain.task import Parameter, Task
from nightforge.domain.words import Direction
from tools.goal_names import DTYPES, METRICS, PROCESSORS
from tools.goal_numbers import GoalFacts, read_facts
from tools.retrieval import Document, TextIndex

NO_TASK = "none"
"""Answer to the question `task` that ends the run."""
SIZE_SLACK = 0.05
"""A size this near to one on offer is taken as that one, and said so: "16 million" means 2^24 as often as 16·10⁶."""
MAX_QUESTIONS = 3
_ITEM_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "float8": 1, "float128": 16}
_SIZE_UNITS = {"element", "elements", "float", "floats", "number", "numbers", "value", "values", "entries"}
_SIZE_NAMES = {"n", "size", "length", "elements", "columns", "cols"}


@dataclass
class Findings:
    """What the check has to say, collected in the order of the rules."""

    parameters: dict[str, Scalar]
    questions: list[Question] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Request:
    """The goal (or the model) asks for `values` of a parameter, any of which is meant, in the words `said`."""

    parameter: str
    values: tuple[Scalar, ...]
    said: str


def check_goal(
    goal: str,
    facts: GoalFacts,
    task: Task,
    *,
    proposed: Mapping[str, Scalar] | None = None,
    questions: Sequence[Question] = (),
    notes: Sequence[str] = (),
    matches: Sequence[Match] = (),
) -> GoalReading:
    """Hold a goal's facts, and a model's proposed parameters, against what `task` has on offer."""
    found = Findings({parameter.name: parameter.default for parameter in task.parameters}, questions=list(questions))
    counts = counts_of(goal, task)
    _settle(task, _requests(facts, task, found, counts), found)
    _settle_proposed(task, proposed or {}, found)
    _check_language(task, facts, found)
    _check_metrics(task, facts, found)
    _check_tolerance(task, facts, found)
    target = _target(task, facts, found)
    budget = _budget(facts, found)
    for text in (text for text in facts.unread if not is_said(text, counts)):
        found.notes.append(f'"{text}" in the goal was not understood and plays no part.')
    if len(found.questions) > MAX_QUESTIONS:
        asked = ", ".join(question.name for question in found.questions)
        found.refusals.append(f"Too much of the goal is not what {task.name} offers ({asked}); say it more narrowly.")
    if found.refusals:
        return refuse(goal, " ".join(dict.fromkeys(found.refusals)), matches=matches)
    return GoalReading(
        goal=goal,
        task=task.name,
        parameters=found.parameters,
        questions=tuple(found.questions),
        matches=tuple(matches),
        notes=tuple(dict.fromkeys((*notes, *found.notes))),
        budget=budget,
        target=target,
    )


def refuse(goal: str, why: str, *, matches: Sequence[Match] = ()) -> GoalReading:
    return GoalReading(goal=goal, refusal=why, matches=tuple(matches))


def offers(task: Task) -> str:
    """What can be chosen in a task, in one phrase."""
    return "; ".join(f"{parameter.name}: {_on_offer(parameter)}" for parameter in task.parameters) or "nothing"


def take(parameter: Parameter, value: Scalar) -> Scalar | None:
    """The value as the parameter offers it, or None when it is not on offer."""
    if isinstance(value, str) or isinstance(parameter.default, str | bool):
        known = parameter.choices or (parameter.default,)
        wanted = canonical(str(value))
        return next((choice for choice in known if canonical(str(choice)) == wanted), None)
    slack = SIZE_SLACK if is_size(parameter) else 0.0
    listed = [choice for choice in (*parameter.choices, parameter.default) if isinstance(choice, int | float)]
    near = [choice for choice in listed if abs(choice - value) <= slack * abs(value)]
    if near:
        return min(near, key=lambda choice: abs(choice - value))
    if parameter.choices or (parameter.minimum is None and parameter.maximum is None):
        return None
    low = parameter.minimum if parameter.minimum is not None else value
    high = parameter.maximum if parameter.maximum is not None else value
    if not low <= value <= high or (isinstance(parameter.default, int) and value != int(value)):
        return None
    return int(value) if isinstance(parameter.default, int) else value


def width_parameter(task: Task) -> Parameter | None:
    """The parameter that counts the bits of an operand, where the task has one."""
    return next((parameter for parameter in task.parameters if parameter.unit == "bits"), None)


def is_size(parameter: Parameter) -> bool:
    """Whether a parameter counts the elements of the task's data."""
    return parameter.unit.casefold() in _SIZE_UNITS or parameter.name in _SIZE_NAMES


def canonical(value: str) -> str:
    """One spelling for a dtype or processor ("fp32", "float32"), lower case for everything else."""
    for pattern, name in (*DTYPES, *PROCESSORS):
        if re.fullmatch(pattern, value.strip(), re.IGNORECASE):
            return "cpu" if name == "cpu" else name
    return value.strip().casefold()


def _on_offer(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(show(choice) for choice in parameter.choices)
    if parameter.minimum is None and parameter.maximum is None:
        return f"{show(parameter.default)} only"
    low = "any" if parameter.minimum is None else show(parameter.minimum)
    high = "any" if parameter.maximum is None else show(parameter.maximum)
    return f"{low} to {high}"


def show(value: Scalar) -> str:
    if isinstance(value, bool | str):
        return str(value)
    return f"{int(value):,}" if float(value).is_integer() else f"{value:g}"


def _requests(facts: GoalFacts, task: Task, found: Findings, counts: Sequence[Count]) -> list[_Request]:
    asked: list[_Request] = _requests_by_words(facts, task)
    asked += [_Request(count.parameter, (count.value,), count.said) for count in counts]
    width = width_parameter(task)
    said = {number.text for number in facts.widths} if width is not None else set[str]()
    if width is not None:
        asked += [_Request(width.name, (int(number.value),), number.text) for number in facts.widths]
    else:
        found.notes += [f'"{bits.text}" in the goal plays no part.' for bits in facts.bits]
    asked += [_Request("dtype", (name.value,), name.text) for name in facts.dtypes if name.text not in said]
    asked += [_Request("processor", (name.value,), name.text) for name in facts.processors]
    asked += [_Request("area_mm2", (area.value,), area.text) for area in facts.areas]
    for threads in facts.threads:
        if threads.value:
            asked.append(_Request("threads", (int(threads.value),), threads.text))
        else:
            _ask_how_many(task, threads.text, found)
    texts = [*(one.text for one in facts.sizes), *(one.text for one in facts.shapes)]
    read = said | {text for text in texts if is_said(text, counts)}
    return [*asked, *_size_requests(facts, task, found, read=read)]


def _requests_by_words(facts: GoalFacts, task: Task) -> list[_Request]:
    """The task's own words for its values, where the goal's numbers and names did not settle the parameter.

    They are looked for in what those rules left unread, so that the half of "half an hour" is no number type.
    """
    read = {
        "dtype": bool(facts.dtypes),
        "processor": bool(facts.processors),
        "threads": bool(facts.threads),
    }
    asked = []
    text = " . ".join((facts.rest, *(name.text for name in (*facts.metrics, *facts.languages))))
    with TextIndex([Document("goal", {"text": text})], weights={"text": 1.0}) as index:
        for parameter in task.parameters:
            is_settled = read.get(parameter.name, False) or (is_size(parameter) and bool(facts.sizes or facts.shapes))
            for phrase, value in parameter.words.items():
                if not is_settled and index.holds("goal", phrase):
                    asked.append(_Request(parameter.name, (value,), phrase))
    return asked


def _ask_how_many(task: Task, said: str, found: Findings) -> None:
    parameter = _named(task, "threads")
    if parameter is None:
        found.refusals.append(f'The goal asks for "{said}"; {task.name} has no number of threads to choose.')
        return
    text = f'The goal says "{said}"; {task.name} offers {parameter.name} {_on_offer(parameter)}. How many?'
    found.questions.append(
        Question(name=parameter.name, text=text, default=parameter.default, choices=parameter.choices)
    )


def _size_requests(facts: GoalFacts, task: Task, found: Findings, *, read: Collection[str]) -> list[_Request]:
    size = next((parameter for parameter in task.parameters if is_size(parameter)), None)
    rows = _named(task, "rows")
    asked: list[_Request] = []
    own = read_facts(f"{task.title}. {task.goal}")
    stated = {(count.value, count.unit) for count in own.sizes}

    def ask(parameter: Parameter | None, values: tuple[Scalar, ...], said: str, *, what: str = "a size") -> None:
        if parameter is not None:
            asked.append(_Request(parameter.name, values, said))
        else:
            found.refusals.append(f'The goal says "{said}"; {task.name} does not offer {what} ({offers(task)}).')

    for shape in facts.shapes:
        if shape.text in read:
            continue
        long_side = [dim for dim in shape.dims if dim != 1]
        if len(long_side) <= 1:
            ask(size, (long_side[0] if long_side else 1,), shape.text)
        elif len(shape.dims) == 2 and rows is not None:
            ask(rows, (shape.dims[0],), shape.text)
            ask(size, (shape.dims[1],), shape.text)
        else:
            found.refusals.append(
                f'The goal says "{shape.text}", which is a shape that {task.name} does not have ({offers(task)}).'
            )
    for count in facts.sizes:
        if count.text in read or (size is None and (count.value, count.unit) in stated):
            continue
        if count.unit == "rows":
            if rows is not None or count.value != 1:
                ask(rows, (count.value,), count.text, what="a number of rows")
        elif count.unit == "bytes":
            item = _item_bytes(facts, task)
            ask(size, tuple(bytes_ // item for bytes_ in (count.value, count.other) if bytes_), count.text)
        else:
            ask(size, (count.value,), count.text)
    return asked


def _item_bytes(facts: GoalFacts, task: Task) -> int:
    dtype = _named(task, "dtype")
    named = facts.dtypes[0].value if facts.dtypes else canonical(str(dtype.default)) if dtype else "float32"
    return _ITEM_BYTES.get(named, 4)


def _named(task: Task, name: str) -> Parameter | None:
    return next((parameter for parameter in task.parameters if parameter.name == name), None)


def _settle(task: Task, asked: Sequence[_Request], found: Findings) -> None:
    for name in dict.fromkeys(request.parameter for request in asked):
        requests = [request for request in asked if request.parameter == name]
        parameter = _named(task, name)
        if parameter is None:
            _refuse_missing(task, requests, found)
            continue
        taken: dict[Scalar, str] = {}
        for request in requests:
            offered = next(
                (value for value in (take(parameter, want) for want in request.values) if value is not None), None
            )
            if offered is None:
                _not_on_offer(task, parameter, request, found)
                break
            taken.setdefault(offered, request.said)
            if offered not in request.values and not isinstance(offered, str):
                found.notes.append(f'"{request.said}" is read as {parameter.name} = {show(offered)}.')
        else:
            _choose(task, parameter, taken, found)


def _refuse_missing(task: Task, requests: Sequence[_Request], found: Findings) -> None:
    for request in requests:
        if request.parameter == "processor" and request.values == ("cpu",):
            continue
        found.refusals.append(
            f'The goal says "{request.said}"; {task.name} has no {request.parameter} to choose ({offers(task)}).'
        )


def _not_on_offer(task: Task, parameter: Parameter, request: _Request, found: Findings) -> None:
    want = request.values[0]
    there = f"{task.name} offers {parameter.name} {_on_offer(parameter)}"
    if isinstance(want, str) or isinstance(parameter.default, str | bool):
        found.refusals.append(f'The goal says "{request.said}"; {there}.')
        return
    nearest = _nearest(parameter, want)
    text = f'The goal says "{request.said}" ({show(want)}); {there}. Go on with {show(nearest)}?'
    found.questions.append(Question(name=parameter.name, text=text, default=nearest, choices=parameter.choices))
    found.parameters[parameter.name] = nearest


def _nearest(parameter: Parameter, want: int | float) -> Scalar:
    listed = [choice for choice in (*parameter.choices, parameter.default) if isinstance(choice, int | float)]
    if not parameter.choices:
        listed += [bound for bound in (parameter.minimum, parameter.maximum) if bound is not None]
    best = min(listed, key=lambda choice: abs(choice - want))
    return int(best) if isinstance(parameter.default, int) else best


def _choose(task: Task, parameter: Parameter, taken: Mapping[Scalar, str], found: Findings) -> None:
    first = next(iter(taken))
    found.parameters[parameter.name] = first
    if len(taken) > 1:
        said = " and ".join(f'"{words}"' for words in dict.fromkeys(taken.values()))
        text = f"The goal says {said}; {task.name} takes one {parameter.name} at a time. Which one?"
        found.questions.append(Question(name=parameter.name, text=text, default=first, choices=tuple(taken)))


def _settle_proposed(task: Task, proposed: Mapping[str, Scalar], found: Findings) -> None:
    """A model's parameters: the goal's own numbers stand above them, and what differs is asked."""
    asked = {question.name for question in found.questions}
    for name, value in proposed.items():
        parameter = _named(task, name)
        said = f"{name} = {show(value)}"
        if parameter is None:
            found.refusals.append(f"The reading asks for {said}; {task.name} has no such parameter ({offers(task)}).")
            continue
        if name in asked:
            continue
        offered = take(parameter, value)
        if offered is None:
            _not_on_offer(task, parameter, _Request(name, (value,), said), found)
            continue
        settled = found.parameters[name]
        if offered == settled:
            continue
        if settled == parameter.default:
            found.parameters[name] = offered
            found.notes.append(f"The model reads the goal as {name} = {show(offered)}.")
        else:
            text = f"The goal's words give {name} = {show(settled)}, the model reads {show(offered)}. Which one?"
            found.questions.append(Question(name=name, text=text, default=settled, choices=(settled, offered)))


def _check_language(task: Task, facts: GoalFacts, found: Findings) -> None:
    for language in facts.languages:
        if language.value != task.language.casefold():
            found.refusals.append(f'The goal says "{language.text}"; {task.name} is written in {task.language}.')


def _check_metrics(task: Task, facts: GoalFacts, found: Findings) -> None:
    have = {
        family
        for objective in task.objectives
        for family in _families(objective.metric, objective.unit, objective.title)
    }
    # To beat an opponent names no metric: it is meant in whatever the task measures.
    asked = {metric.value: metric.text for metric in facts.metrics if not metric.text.casefold().startswith("beat")}
    strange = {family: text for family, text in asked.items() if family not in have}
    if not strange:
        return
    said = ", ".join(f'"{text}"' for text in strange.values())
    objective = task.objective
    there = f"{task.name} measures {objective.title or objective.metric} ({objective.metric}, {objective.unit})"
    if set(asked) & have or facts.rivals or facts.gains:
        text = f"The goal also asks for {said}; {there} and nothing else. Go on with {objective.metric}?"
        found.questions.append(
            Question(name="objective", text=text, default=objective.metric, choices=(objective.metric, NO_TASK))
        )
    else:
        found.refusals.append(f"The goal asks for {said}; {there} and nothing else.")


def _families(metric: str, unit: str, title: str) -> set[str]:
    text = f"{metric} {title}".replace("_", " ")
    found = {family for pattern, family in METRICS if re.search(pattern, text, re.IGNORECASE)}
    if re.search(r"\bdelay\b", text):
        found.add("speed")
    if unit in {"x", "ms", "us", "ns", "s"} and not found:
        found.add("speed")
    return found


def _check_tolerance(task: Task, facts: GoalFacts, found: Findings) -> None:
    if not facts.tolerances:
        return
    said = ", ".join(f'"{text}"' for text in facts.tolerances)
    text = f"The goal says {said}; {task.name} sets its own tolerance from the reference's error. Go on with that?"
    found.questions.append(Question(name="tolerance", text=text, default="task", choices=("task", NO_TASK)))


def _target(task: Task, facts: GoalFacts, found: Findings) -> float | None:
    bounds = {bound.unit: bound for bound in task.constraints if bound.unit}
    for text in facts.times:
        bound = bounds.get(text.split()[-1].casefold())
        if bound is not None and f"{bound.bound:g}" in text:
            found.notes.append(f'"{text}" is a bound: {bound.metric} {bound.relation} {bound.bound:g} {bound.unit}.')
            continue
        found.notes.append(
            f'"{text}" is not a stop rule: gains are counted against the baselines measured on this machine.'
        )
    if facts.rivals:
        named = ", ".join(dict.fromkeys(rival.text for rival in facts.rivals))
        found.notes.append(f'"{named}": the gain over each baseline that can run here is shown beside the objective.')
    gains = [gain for gain in facts.gains if gain.value > 1]
    if not gains:
        return None
    objective = task.objective
    said = gains[-1].text
    if objective.unit != "x" or objective.direction is not Direction.MAX:
        found.notes.append(f'"{said}" sets no target: {task.name} counts {objective.metric} in {objective.unit}.')
        return None
    target = max(gain.value for gain in gains)
    found.notes.append(f"The campaign may stop at a gain of {target:g}x over the strongest baseline.")
    return round(target, 6)


def _budget(facts: GoalFacts, found: Findings) -> Budget:
    for text in facts.foreign_money:
        found.notes.append(f'"{text}" sets no cap: caps are in US dollars.')
    for limit in facts.wall_s:
        found.notes.append(f'"{limit.text}" is a cap of {limit.value / 60:g} minutes.')
    return Budget(
        evaluations=int(min(limit.value for limit in facts.evaluations)) if facts.evaluations else None,
        wall_s=min(limit.value for limit in facts.wall_s) if facts.wall_s else None,
        cost_usd=min(limit.value for limit in facts.cost_usd) if facts.cost_usd else None,
        tokens=int(min(limit.value for limit in facts.tokens)) if facts.tokens else None,
    )
