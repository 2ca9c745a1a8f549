"""Typed replies: how a form is asked for, and how a reply is read and complained about.

The ways of asking are a ladder. The best that the server accepts is found by its 400s and remembered per model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from nightforge.domain.base import Json
from nightforge.domain.model import Message

T = TypeVar("T", bound=BaseModel)

LONGEST_COMPLAINT = 1500
LONGEST_QUOTE = 4000
THINKING = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL)
FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)```", re.DOTALL)


class Rung(StrEnum):
    """From the strictest way of asking to the one that needs nothing from the server."""

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT = "json_object"
    TOOL_CALL = "tool_call"
    PROSE = "prose"
    """A fenced JSON object in plain text."""


LADDER = tuple(Rung)


@dataclass(frozen=True)
class Form:
    """A reply's schema, ready to be sent."""

    name: str
    schema: bytes
    """The JSON schema; part of the request's identity."""
    strict_format: Mapping[str, Json]
    instruction: str

    def fields(self, rung: Rung) -> Mapping[str, Json]:
        """What the request's body says of the form."""
        if rung is Rung.JSON_SCHEMA:
            return {"response_format": dict(self.strict_format)}
        if rung is Rung.JSON_OBJECT:
            return {"response_format": {"type": "json_object"}}
        return dict(self.tool) if rung is Rung.TOOL_CALL else {}

    @property
    def tool(self) -> Mapping[str, Json]:
        """The form as the parameters of a function that must be called."""
        function: Json = {
            "name": self.name,
            "description": "Takes the answer.",
            "parameters": json.loads(self.schema),
        }
        return {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": {"type": "function", "function": {"name": self.name}},
        }

    def phrase(self, messages: Sequence[Message], rung: Rung) -> Sequence[Message]:
        """The messages as sent: where the server does not enforce the schema, the last one states it.

        It goes into an existing message because many chat templates take only one system message, in front.
        """
        last = messages[-1]
        if rung is Rung.JSON_SCHEMA or last.content.endswith(self.instruction):
            return messages
        return (*messages[:-1], Message(role=last.role, content=f"{last.content}\n\n{self.instruction}"))


@lru_cache(maxsize=64)
def form_of(kind: type[BaseModel]) -> Form:
    schema = kind.model_json_schema()
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
    tightened, is_strict = tighten(schema)
    name = re.sub(r"[^A-Za-z0-9_-]", "_", kind.__name__)[:64]
    return Form(
        name=name,
        schema=text.encode(),
        strict_format={
            "type": "json_schema",
            "json_schema": {"name": name, "schema": tightened, "strict": is_strict},
        },
        instruction="Answer with one JSON object and nothing else. It must be valid under this JSON schema:\n" + text,
    )


def tighten(schema: Json) -> tuple[Json, bool]:
    """The schema as strict decoders want it: closed objects, every property required, no defaults.

    The flag is False when the schema cannot be put so (free-form objects); it is then sent as it is.
    """
    try:
        return _tighten(schema), True
    except _FreeForm:
        return schema, False


class _FreeForm(Exception):
    pass


def _tighten(node: Json) -> Json:
    if isinstance(node, list):
        return [_tighten(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}  # strict decoders allow nothing beside a reference
    out: dict[str, Json] = {}
    for key, value in node.items():
        if key == "default":
            continue
        if key in ("properties", "$defs") and isinstance(value, dict):
            out[key] = {name: _tighten(item) for name, item in value.items()}
        else:
            out[key] = _tighten(value)
    if node.get("type") == "object":
        properties = out.get("properties")
        if not isinstance(properties, dict) or node.get("additionalProperties") not in (None, False):
            raise _FreeForm
        out["additionalProperties"] = False
        out["required"] = list(properties)
    return out


def strip_thinking(text: str) -> str:
    """The answer without the reasoning that some servers leave in front of it.

    A block that never ends is all reasoning, so nothing is left.
    """
    match = THINKING.match(text)
    if match:
        return text[match.end() :]
    start = text.lstrip()
    if start.startswith(("<think>", "<thinking>")):
        return ""
    for end in ("</think>", "</thinking>"):
        head, found, tail = text.partition(end)
        if found and "```" not in head:
            return tail.lstrip()
    return text


@dataclass(frozen=True)
class Complaint:
    """Why a reply does not have the form, in words for the model that wrote it."""

    text: str
    has_object: bool = True
    """False when there is no JSON object at all: a server that enforced the form cannot have sent it."""


def read_form(text: str, kind: type[T]) -> T | Complaint:
    """The first JSON object of the reply that validates; else what is wrong with the likeliest one."""
    complaint: Complaint | None = None
    for candidate in _json_candidates(text):
        try:
            return kind.model_validate_json(candidate)
        except ValidationError as error:
            complaint = complaint or Complaint(_describe(error))
    return complaint or Complaint("there is no JSON object in the reply", has_object=False)


def _json_candidates(text: str) -> list[str]:
    bare = text.strip()
    if bare.startswith("{") and bare.endswith("}"):
        return [bare]
    fenced = [match.strip() for match in FENCE.findall(text)]
    candidates = [body for body in fenced if body.startswith("{")][:4]
    first, last = text.find("{"), text.rfind("}")
    if 0 <= first < last:
        candidates.append(text[first : last + 1])
    return candidates


def _describe(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False)[:8]:
        place = ".".join(str(part) for part in problem["loc"]) or "the whole object"
        lines.append(f"{place}: {problem['msg']}")
    return "\n".join(lines)[:LONGEST_COMPLAINT]


def repair_messages(bad_reply: str, complaint: Complaint, form: Form) -> tuple[Message, Message]:
    """What is added to the conversation to have the form mended, once."""
    return (
        Message(role="assistant", content=bad_reply[:LONGEST_QUOTE]),
        Message(role="user", content=f"That reply cannot be read: {complaint.text}\n{form.instruction}"),
    )
