"""What went wrong with one attempt, and what follows from it. Every text from outside is redacted here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import httpx2
import openai

from nightforge.domain.model import Usage
from nightforge.errors import ModelFault
from tools.retrying import retry_after_s
from tools.transport import ReplyTooLarge

LONGEST_QUOTE = 300
SECRET = re.compile(r"(?i)\b(?:sk|key|pat|gsk|xai|hf)[-_][A-Za-z0-9_*.\-]{6,}|bearer\s+\S+")
UNPRINTABLE = re.compile(r"[^\S ]|[\ud800-\udfff\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


class UnusableReply(ModelFault):
    """The model answered, and the answer cannot be used; asking the same again would cost the same again.

    `reason` is a slug: `truncated`, `refused`, `unparsable`, `context_length`, `bad_request`.
    """

    def __init__(self, reason: str, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint, retryable=False)
        self.reason = reason


class Consequence(StrEnum):
    RETRY = "retry"
    """May go away: ask again, here or elsewhere."""
    ACCESS = "access"
    """This model of this endpoint will never answer: wrong key, no quota, no such model."""
    ADAPT = "adapt"
    """The server dislikes a parameter that can be left out or said otherwise."""
    UNUSABLE = "unusable"
    """This request will never be answered by this model; another model may."""


@dataclass(frozen=True)
class Failure:
    """One failed attempt."""

    consequence: Consequence
    what: str
    slug: str
    """For rows and logs: `rate_limited`, `timeout`, `server_error` …"""
    hint: str = ""
    retry_after_s: float | None = None
    is_sick: bool = False
    """It speaks against the endpoint's health."""
    may_be_billed: bool = True
    """False when the provider certainly did no work (never reached, or refused with an error status)."""
    usage: Usage | None = None
    """As reported by a reply that came and counts as failed; None books the reserve."""


def redact(text: str, secret: str = "") -> str:
    """One bounded, printable line without the key or anything that looks like one."""
    if len(secret) >= 4:
        text = text.replace(secret, "***")
    text = UNPRINTABLE.sub(" ", SECRET.sub("***", text[: 4 * LONGEST_QUOTE]))
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."


def sick(what: str, slug: str, usage: Usage | None = None) -> Failure:
    """A 200 that is not an answer, or a broken connection."""
    return Failure(Consequence.RETRY, what, slug, is_sick=True, usage=usage)


def classify(error: Exception, *, secret: str, now: datetime) -> Failure:
    """A failure for everything that the SDK or the transport raises; a programming error is raised on."""
    if isinstance(error, openai.APIStatusError):
        return _classify_status(error, secret, now)
    cause = error.__cause__ if isinstance(error, openai.APIConnectionError) else error
    if isinstance(cause, (TimeoutError, httpx2.TimeoutException)):
        if isinstance(cause, (httpx2.ConnectTimeout, httpx2.PoolTimeout)):
            return _unreachable("no answer in time")
        return Failure(Consequence.RETRY, "no answer in time", "timeout", is_sick=True, hint=SLOW_HINT)
    if isinstance(cause, httpx2.ConnectError):
        return _unreachable(redact(str(cause), secret) or type(cause).__name__)
    if isinstance(cause, (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)):
        what = f"not a usable address or key: {redact(str(cause), secret)}"
        return Failure(Consequence.ACCESS, what, "bad_address", may_be_billed=False, hint=ADDRESS_HINT)
    if isinstance(cause, ReplyTooLarge):
        return sick(f"the reply is too large: {cause}", "too_large")
    if isinstance(error, openai.OpenAIError) or isinstance(cause, (httpx2.HTTPError, OSError)):
        return sick(f"the connection broke: {redact(str(cause or error), secret) or type(cause).__name__}", "broken")
    raise error


def _unreachable(why: str) -> Failure:
    return Failure(
        Consequence.RETRY,
        f"cannot connect: {why}",
        "unreachable",
        is_sick=True,
        may_be_billed=False,
        hint=UNREACHABLE_HINT,
    )


UNREACHABLE_HINT = "check the base URL and the network"
SLOW_HINT = "if the model is only slow, raise request_timeout_s or lower its max_output_tokens"
ADDRESS_HINT = "give a base URL such as https://host/v1 and a key of plain characters"
KEY_HINT = "give a valid key in the environment: NIGHTFORGE_API_KEY or OPENAI_API_KEY"
MODEL_HINT = "check the model's name and the base URL (it usually ends in /v1)"
QUOTA_HINT = "the account has no quota left: add credit, or use another model"
CONTEXT_HINT = "use a model with a larger context window, or fewer inspirations in the prompt"


def _classify_status(error: openai.APIStatusError, secret: str, now: datetime) -> Failure:
    status = error.status_code
    document = error.body if isinstance(error.body, dict) else {}
    code = str(document.get("code") or "")
    kind = str(document.get("type") or "")
    said = redact(str(document.get("message") or error.message), secret)
    what = f"HTTP {status}: {said}"
    wish = retry_after_s(error.response.headers, now)
    if "insufficient_quota" in (code, kind) or status == 402:
        return Failure(Consequence.ACCESS, what, "quota", may_be_billed=False, hint=QUOTA_HINT)
    if status == 429:
        return Failure(Consequence.RETRY, what, "rate_limited", retry_after_s=wish, may_be_billed=False)
    if status in (401, 403):
        return Failure(Consequence.ACCESS, what, "key_refused", may_be_billed=False, hint=KEY_HINT)
    if status in (404, 405, 410):
        return Failure(Consequence.ACCESS, what, "not_found", may_be_billed=False, hint=MODEL_HINT)
    if 300 <= status < 400:
        what = f"HTTP {status}: the server redirects elsewhere, which is not followed"
        return Failure(Consequence.ACCESS, what, "redirect", may_be_billed=False, hint=MODEL_HINT)
    if status in (400, 413, 422, 501):
        return _classify_rejection(status, code, str(document.get("param") or ""), said)
    if status >= 500 or status in (408, 409, 425):
        at_gateway = status in (502, 504) or 520 <= status <= 524
        return Failure(
            Consequence.RETRY, what, "server_error", retry_after_s=wish, is_sick=True, may_be_billed=at_gateway
        )
    return Failure(Consequence.UNUSABLE, what, "bad_request", may_be_billed=False)


CONTEXT = re.compile(r"(?i)context.?(length|window|size)|maximum context|too many tokens|prompt is too long|n_ctx")
FORM = re.compile(
    r"(?i)response_?format|json_?schema|json_?object|structured output|guided|grammar|\btools?\b|tool_c(hoice|alls?)"
)
SYSTEM = re.compile(r"(?i)system (role|message|prompt)s? (is |are )?not (supported|allowed)|roles must alternate")
TEMPLATE = re.compile(r"(?i)chat.?template")
TEMPLATE_HINT = (
    "the server has no chat template for this model: start it with one, or serve the model's instruct version"
)
PARAMETER = re.compile(r"(?i)max_completion_tokens|max_tokens|temperature")


def _classify_rejection(status: int, code: str, param: str, said: str) -> Failure:
    what = f"HTTP {status}: {said}"
    if "context_length" in code or status == 413 or CONTEXT.search(said):
        return Failure(Consequence.UNUSABLE, what, "context_length", may_be_billed=False, hint=CONTEXT_HINT)
    if SYSTEM.search(said):
        return Failure(Consequence.ADAPT, what, "system_role", may_be_billed=False)
    if TEMPLATE.search(said):
        return Failure(Consequence.ACCESS, what, "no_chat_template", may_be_billed=False, hint=TEMPLATE_HINT)
    if FORM.search(param) or FORM.search(said):
        return Failure(Consequence.ADAPT, what, "response_format", may_be_billed=False)
    named = PARAMETER.search(param) or PARAMETER.search(said)
    if named:
        return Failure(Consequence.ADAPT, what, named.group().lower(), may_be_billed=False)
    return Failure(Consequence.UNUSABLE, what, "bad_request", may_be_billed=False)
