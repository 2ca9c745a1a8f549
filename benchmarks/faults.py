"""Whole campaigns against a model endpoint that misbehaves: each fault alone in one of five requests, and all mixed.

    python -m benchmarks.faults [--share 0.2] [--evaluations 24] [--only NAME ...] [--json FILE]

Of each campaign it says whether it ended as planned, whether a committed reply was asked for again, and whether its
cost is what was reported plus the reserves of attempts whose usage is unknown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "toy_domain")]

from nightforge_toy.replies import reply_as_team
from protocol_server import Behaviour, ProtocolServer, Received
from protocol_server import behaviours as b
from pydantic import SecretStr

from nightforge.domain.model import CallState, ModelCall
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.words import CampaignState, TeamKind
from nightforge.errors import NightforgeError
from nightforge.settings import Settings
from workflows.contract import AwaitApproval, Done, NightRequest, StopSwitch
from workflows.night import Night, open_night

PRICE_IN, PRICE_OUT = 10.0, 40.0
CALM = 20
ATTEMPT_S = 1.5
"""Limit of one attempt: hangs and drips cost so much each."""

Fault = Callable[[], Behaviour]

# The rows of the table of faults (research: what the SDK does with each); those that are final say so.
FAULTS: Mapping[str, Fault] = {
    "429 with Retry-After 1": lambda: b.error(429, "slow down", headers={"retry-after": "1"}),
    "500": lambda: b.error(500),
    "503": lambda: b.error(503),
    "hang": lambda: b.hang(30.0),
    "drip": lambda: b.drip("x" * 400, interval_s=0.05),
    "malformed JSON": lambda: b.raw(b'{"id": "x", "choices": ['),
    "empty body": lambda: b.raw(b""),
    "HTML with 200": lambda: b.raw(b"<html>log in</html>", content_type="text/html"),
    "empty choices": lambda: b.document({"choices": []}),
    "null choices": lambda: b.document({"choices": None}),
    "error with 200": lambda: b.document({"error": {"message": "overloaded"}}),
    "content null": lambda: b.answer(None),
    "content filter": lambda: b.answer("half", finish_reason="content_filter"),
    "refusal": lambda: b.answer(None, message={"refusal": "I cannot help."}),
    "reasoning only": lambda: b.answer(None, message={"reasoning_content": "hm"}),
    "finish length": lambda: b.answer("NOTE: cut\n```\nX = 1", finish_reason="length"),
    "no finish reason": lambda: b.answer("NOTE: cut\n```\nX = 1", finish_reason=None),
    "huge reply": lambda: b.huge_body(16),
    "gzip bomb": lambda: b.gzip_bomb(32),
    "invalid UTF-8": lambda: b.raw(b'{"choices": "\xff\xfe"}'),
    "reset": lambda: b.reset(),
    "reset in the body": lambda: b.reset(after_head=True),
    "body cut": lambda: b.cut_body(),
    "chunked body cut": lambda: b.cut_stream(),
    "event stream, cut": lambda: b.event_stream_cut(),
    "context length": lambda: b.error(400, "maximum context length", code="context_length_exceeded"),
}
FINAL: Mapping[str, Fault] = {
    "429 with Retry-After 3600": lambda: b.error(429, "come tomorrow", headers={"retry-after": "3600"}),
    "insufficient quota": lambda: b.error(429, "no quota", code="insufficient_quota"),
    "401": lambda: b.error(401, "bad key"),
    "307 redirect": lambda: b.redirect("http://127.0.0.1:9/v1"),
}
"""For these the plan is to pause with the reason said, or (with a second endpoint) to go on there."""
NO_USAGE = {
    "no usage": None,
    "usage of wrong types": {"prompt_tokens": "many", "completion_tokens": None},
    "usage in strings": {"prompt_tokens": "100", "completion_tokens": "20"},
}


@dataclass
class Row:
    """What came of one campaign."""

    fault: str
    ended: str
    as_planned: bool
    requests: int
    faulty: int
    calls: int
    asked_again: int
    """Answered calls beyond one for the same question."""
    cost_usd: float
    expected_usd: float
    seconds: float

    @property
    def is_right(self) -> bool:
        return self.as_planned and self.asked_again == 0 and abs(self.cost_usd - self.expected_usd) < 1e-9


@dataclass
class Mischief:
    """Every request but the probe's may be met with a fault; which ones is drawn from the seed."""

    faults: Sequence[Fault]
    share: float
    good: b.Handler
    random: Random
    calm: int = 0
    """Requests before the first fault. 1: the goal is read, with a person at the terminal; what fails before that
    leaves no campaign. More, with a spare: each model passes its rehearsal."""
    count: int = 0

    def __call__(self, received: Received) -> Behaviour:
        if self.faults and received.number >= self.calm and self.random.random() < self.share:
            self.count += 1
            return self.random.choice(self.faults)()
        return self.good(received)


def spec(base_url: str, name: str = "m") -> ModelSpec:
    return ModelSpec(
        model=name,
        base_url=base_url,
        input_usd_per_mtok=PRICE_IN,
        output_usd_per_mtok=PRICE_OUT,
        max_output_tokens=500,
    )


async def run_one(
    name: str, faults: Sequence[Fault], *, share: float, evaluations: int, usage: object = b.USAGE, spare: bool = False
) -> Row:
    """A campaign of the toy task; `spare` gives it a second, healthy endpoint."""
    begin_s = time.monotonic()
    good = reply_as_team(seed=5)
    silent = name in NO_USAGE
    with tempfile.TemporaryDirectory(prefix="nightforge-faults-") as folder, ProtocolServer() as server:
        mischief = Mischief(
            faults, share, with_usage(good, usage) if silent else good, Random(name), calm=CALM if spare else 1
        )
        server.handle(mischief)
        with ProtocolServer() as second:
            second.handle(reply_as_team(seed=6))
            models = (spec(server.base_url), *((spec(second.base_url, "spare"),) if spare else ()))
            settings = Settings(
                home=Path(folder),
                database_url=f"sqlite:///{folder}/night.db",
                api_key=SecretStr("none"),
                request_timeout_s=ATTEMPT_S,
                total_timeout_s=120.0,
            )
            request = NightRequest(
                task="toy-peak",
                goal="climb the hill to its peak",
                budget=Budget(evaluations=evaluations, cost_usd=500.0),
                preset="team",
                in_flight=4,
                team=TeamKind.LLM,
                models=models,
            )
            async with open_night(settings, stop=StopSwitch()) as night:
                ended, planned = await _end(night, request, must_pause=name in FINAL)
                campaign = night.store.campaigns()[0]
                calls = night.store.calls(campaign.campaign_id, limit=1_000_000)
                tally = night.store.tally(campaign.campaign_id)
            requests = len(server.requests) + len(second.requests)
    return Row(
        fault=name,
        ended=ended,
        as_planned=planned,
        requests=requests,
        faulty=mischief.count,
        calls=len(calls),
        asked_again=asked_again(calls),
        cost_usd=tally.cost_usd + pending_cost(calls),
        expected_usd=expected_cost(calls),
        seconds=time.monotonic() - begin_s,
    )


async def _end(night: Night, request: NightRequest, *, must_pause: bool) -> tuple[str, bool]:
    """How it ended, and whether that is the plan: all evaluations made, or (`must_pause`) paused with a hint."""
    try:
        card = await night.begin(request)
        if not isinstance(card, AwaitApproval):
            return f"no plan: {card}", False
        done = await night.approve()
    except NightforgeError as error:
        campaign = night.store.campaigns()[0]
        in_planning = campaign.state is CampaignState.FAILED and campaign.reason.startswith("planning:")
        left = campaign.state is CampaignState.PAUSED or in_planning
        said = f"{campaign.state}: {type(error).__name__}: {str(error)[:70]}"
        return said, must_pause and bool(error.hint) and left
    assert isinstance(done, Done), done
    complete = done.state is CampaignState.FINISHED and done.reason == "budget:evaluations"
    return f"{done.state}: {done.reason}", complete and not must_pause


def with_usage(good: b.Handler, usage: object) -> b.Handler:
    """The same replies, with another usage."""

    class Rewriting:
        def __init__(self, exchange: b.Exchange) -> None:
            self._exchange = exchange
            self.received = exchange.received

        def write(self, data: bytes) -> None:
            _, _, body = data.partition(b"\r\n\r\n")
            document = json.loads(body)
            document.pop("usage", None)
            if usage is not None:
                document["usage"] = usage
            encoded = json.dumps(document).encode()
            self._exchange.write(b.head(200, {"content-type": "application/json"}, len(encoded)) + encoded)

        def __getattr__(self, name: str) -> object:
            return getattr(self._exchange, name)

    def handle(received: Received) -> Behaviour:
        behaviour = good(received)

        async def behave(exchange: b.Exchange) -> None:
            await behaviour(Rewriting(exchange))  # type: ignore[arg-type]

        return behave

    return handle


def asked_again(calls: Sequence[ModelCall]) -> int:
    answered = Counter(
        (call.key.ordinal, call.key.step, call.key.role, call.request_sha)
        for call in calls
        if call.state is CallState.ANSWERED
    )
    return sum(count - 1 for count in answered.values())


def pending_cost(calls: Sequence[ModelCall]) -> float:
    """Of a campaign that paused with calls on their way: resuming books their reserve."""
    return sum(call.reserved_usd for call in calls if call.state is CallState.SENT)


def expected_cost(calls: Sequence[ModelCall]) -> float:
    """Reported usage at its price, and the reserve of every attempt whose usage is unknown."""
    total = 0.0
    for call in calls:
        usage = call.usage
        if usage.estimated or call.state in (CallState.LOST, CallState.SENT):
            total += call.reserved_usd
        else:
            total += (usage.tokens_in * PRICE_IN + usage.tokens_out * PRICE_OUT) / 1e6
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--evaluations", type=int, default=24)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs: list[tuple[str, Sequence[Fault], object, bool, float]] = [("none", (), b.USAGE, False, 0.0)]
    runs += [(name, (fault,), b.USAGE, False, options.share) for name, fault in FAULTS.items()]
    runs += [(name, (), usage, False, 0.0) for name, usage in NO_USAGE.items()]
    runs += [(name, (fault,), b.USAGE, False, options.share) for name, fault in FINAL.items()]
    runs += [(f"{name}, with a spare", (fault,), b.USAGE, True, options.share) for name, fault in FINAL.items()]
    runs.append(("all that pass, mixed", tuple(FAULTS.values()), b.USAGE, False, options.share))
    everything = (*FAULTS.values(), *FINAL.values())
    runs.append(("all, mixed, with a spare", everything, b.USAGE, True, options.share))
    rows = []
    print(f"{'fault':<38} {'right':<6} {'requests':>8} {'faulty':>6} {'again':>5} {'cost $':>9} {'s':>6}  ended")
    for name, faults, usage, spare, share in runs:
        if options.only and name not in options.only:
            continue
        row = asyncio.run(run_one(name, faults, share=share, evaluations=options.evaluations, usage=usage, spare=spare))
        rows.append(row)
        print(
            f"{row.fault:<38} {'yes' if row.is_right else 'NO':<6} {row.requests:>8} {row.faulty:>6} "
            f"{row.asked_again:>5} {row.cost_usd:>9.4f} {row.seconds:>6.1f}  {row.ended}",
            flush=True,
        )
    print(f"{sum(row.is_right for row in rows)} of {len(rows)} right")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    raise SystemExit(0 if all(row.is_right for row in rows) else 1)


if __name__ == "__main__":
    main()
