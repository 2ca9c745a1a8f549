"""Questions to a person at a terminal, and answers given beforehand."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from nightforge.cli.output import can_ask
from nightforge.domain.base import Scalar
from nightforge.domain.plan import ModelSpec, Question
from nightforge.errors import UserError
from nightforge.report.text import clean
from workflows.answers import FALSE, typed_answer


class Declined(Exception):
    """A person's no at a question: nothing is begun."""


def read_answers(given: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` → value, not typed yet: the type comes with the question."""
    answers = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"{text!r} is no answer", where="--answer", hint="write it as NAME=VALUE")
        answers[name] = value
    return answers


def ask(question: Question, *, given: Mapping[str, str], yes: bool) -> Scalar:
    """The answer given beforehand, the default under --yes, or what the person types (Enter: the default).

    Declined when that is a no where no is not among the answers.
    """
    if question.name in given:
        return typed_answer(question, given[question.name])
    if yes:
        return question.default
    if not can_ask():
        raise UserError(
            f"a question is open: {question.text}",
            where=question.name,
            hint=f"pass --yes to take the default ({question.default}), or --answer {question.name}=VALUE",
        )
    choices = f" ({', '.join(str(choice) for choice in question.choices)})" if question.choices else ""
    while True:
        text = read_line(f"{clean(question.text)}{choices} [{question.default}; n leaves]: ")
        if not text.strip():
            return question.default
        try:
            return typed_answer(question, text)
        except UserError as error:
            if text.strip().lower() in FALSE:
                raise Declined from None
            sys.stderr.write(f"{error.what}; {error.hint}\n")


def ask_prices(models: Sequence[ModelSpec]) -> tuple[ModelSpec, ...]:
    """The models, those of unknown price with what the person says; nothing can be kept under a dollar cap without.

    An empty line leaves the model as it is: it is refused later, naming the settings.
    """
    from tools.pricing import lacks_price

    return tuple(_ask_price(model) if lacks_price(model) else model for model in models)


def _ask_price(model: ModelSpec) -> ModelSpec:
    given = {}
    for name, what in (("input_usd_per_mtok", "input"), ("output_usd_per_mtok", "output")):
        if getattr(model, name) is not None:
            continue
        place = f" at {model.base_url}" if model.base_url else ""
        said = f"What do a million {what} tokens of {clean(model.model)}{clean(place)} cost? ($; 0 if it is yours): "
        while True:
            text = read_line(said).strip().removeprefix("$")
            if not text:
                return model
            try:
                price = float(text)
            except ValueError:
                price = -1.0
            if math.isfinite(price) and price >= 0:
                given[name] = price
                break
            sys.stderr.write("a number of dollars is needed, such as 1.25\n")
    return model.model_copy(update=given)


def read_line(prompt: str) -> str:
    """One line of stdin; the prompt goes to stderr. Ctrl-C raises KeyboardInterrupt at once, as does Ctrl-D."""
    with _plain_interrupt():
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise KeyboardInterrupt
    return line.rstrip("\n")


@contextmanager
def _plain_interrupt() -> Iterator[None]:
    """The event loop's handler only cancels a task, which does not end a blocking read."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
