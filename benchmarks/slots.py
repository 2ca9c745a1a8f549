"""How busy evaluation slots are while model replies take seconds: replies of 2 ± 1 s, evaluations of 0.5 to 5 s.

    python -m benchmarks.slots [--reply-s 1 3] [--evaluation-s 0.5 5] [--slots 4] [--preset solo] [--candidates 200]
        [--in-flight N]

Busy is the share of slot time that evaluations filled, without the first and last tenth. How many candidates are
under way is Nightforge's own choice (or N, for comparison). Bar: 97 %.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.campaigns import campaign, replying


def busy(spans: Sequence[tuple[float, float]], slots: int) -> float:
    """Filled share of the slots' time between the starts of the evaluations at one and nine tenths."""
    spans = sorted(spans)
    tenth = max(1, len(spans) // 10)
    first, last = spans[tenth][0], spans[-tenth][0]
    filled = sum(max(0.0, min(end, last) - max(begin, first)) for begin, end in spans)
    return filled / (slots * (last - first))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reply-s", type=float, nargs=2, default=[1.0, 3.0])
    parser.add_argument("--evaluation-s", type=float, nargs=2, default=[0.5, 5.0])
    parser.add_argument("--slots", type=int, nargs="+", default=[4])
    parser.add_argument("--preset", default="solo")
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--in-flight", type=int, default=None)
    parser.add_argument("--calls", type=int, default=None, help="model calls at once")
    options = parser.parse_args()
    (least_s, most_s), evaluation_s = options.reply_s, tuple(options.evaluation_s)
    print(
        f"{options.preset}, replies {least_s:g} to {most_s:g} s, evaluations {evaluation_s[0]:g} to "
        f"{evaluation_s[1]:g} s, {options.candidates} candidates, load {os.getloadavg()[0]:.1f}"
    )
    for slots in options.slots:
        with tempfile.TemporaryDirectory() as home, replying(least_s=least_s, most_s=most_s) as base_url:
            plan, marks = asyncio.run(
                campaign(
                    Path(home),
                    base_url,
                    options.preset,
                    options.candidates,
                    in_flight=options.in_flight,
                    evaluation_slots=slots,
                    concurrent_calls=options.calls,
                    evaluation_s=evaluation_s,
                )
            )
        under_way = plan.search.in_flight or f"at most {plan.search.proposal_slots} proposals"
        print(f"{slots} slot(s), {under_way}: busy {100 * busy(marks.spans, slots):5.1f} %", flush=True)


if __name__ == "__main__":
    main()
