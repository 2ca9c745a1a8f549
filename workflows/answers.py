"""What a person typed as the answer to a question, in the question's own type."""

from __future__ import annotations

from nightforge.domain.base import Scalar
from nightforge.domain.plan import Question
from nightforge.errors import UserError

TRUE = frozenset({"y", "yes", "true"})
FALSE = frozenset({"n", "no", "false"})


def typed_answer(question: Question, text: str) -> Scalar:
    """`text` as the type of the default, one of the choices; UserError naming them."""
    value = _as_type_of(question.default, text)
    if value is None or (question.choices and value not in question.choices):
        offer = ", ".join(str(choice) for choice in question.choices)
        raise UserError(
            f"{question.name} cannot be {text!r}",
            where=f"the question: {question.text}",
            hint=f"one of: {offer}" if offer else f"a value like {question.default!r}",
        )
    return value


def _as_type_of(default: Scalar, text: str) -> Scalar | None:
    if isinstance(default, bool):
        word = text.strip().lower()
        return True if word in TRUE else False if word in FALSE else None
    try:
        return type(default)(text.strip())
    except ValueError:
        return None
