"""How busy evaluation slots are while model replies take seconds: 2 s replies, 0.5 s evaluations.

    python -m benchmarks.slots [--reply-s 2] [--evaluation-s 0.5] [--slots 1 2] [--preset solo] [--candidates 120]

Each number of slots runs twice: with what Nightforge chooses by itself, and with as many candidates in flight and
calls at a time as it takes. Busy is the share of slot time that evaluations filled, without the first and last tenth.
Bar: 97 %.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from benchmarks.campaigns import campaign, replying

CALLS_PER_CANDIDATE = {"solo": 1, "team": 3}
SPARE = 2


def busy(spans: Sequence[tuple[float, float]], slots: int) -> float:
    """Filled share of the slots' time between the starts of the evaluations at one and nine tenths."""
    spans = sorted(spans)
    tenth = max(1, len(spans) // 10)
    first, last = spans[tenth][0], spans[-tenth][0]
    filled = sum(max(0.0, min(end, last) - max(begin, first)) for begin, end in spans)
    return filled / (slots * (last - first))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reply-s", type=float, default=2.0)
    parser.add_argument("--evaluation-s", type=float, default=0.5)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--preset", choices=list(CALLS_PER_CANDIDATE), default="solo")
    parser.add_argument("--candidates", type=int, default=120)
    options = parser.parse_args()
    os.environ["TOY_SECONDS"] = str(options.evaluation_s)
    print(f"{options.preset}, {options.reply_s:g} s replies, {options.evaluation_s:g} s evaluations, ", end="")
    print(f"{options.candidates} candidates, load {os.getloadavg()[0]:.1f}")
    thinking = math.ceil(CALLS_PER_CANDIDATE[options.preset] * options.reply_s / options.evaluation_s)
    for slots, enough in product(options.slots, (False, True)):
        calls = slots * thinking + SPARE if enough else None
        in_flight = None if calls is None else calls + slots
        with tempfile.TemporaryDirectory() as home, replying(delay_s=options.reply_s) as base_url:
            plan, marks = asyncio.run(
                campaign(
                    Path(home),
                    base_url,
                    options.preset,
                    options.candidates,
                    in_flight=in_flight,
                    evaluation_slots=slots,
                    concurrent_calls=calls,
                )
            )
        share = 100 * busy(marks.spans, slots)
        chosen = "enough" if enough else "as shipped"
        print(
            f"{slots} slot(s), {chosen:10s}: {plan.search.in_flight:3d} in flight, "
            f"{calls or 'default'} calls at a time: busy {share:5.1f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
