"""The known ways to cheat on kernels, one by one: which hostile programs here try each, or why a CPU has none.

    PYTHONPATH=.:tests python -m attack_pack.hacks

prints the table, with what became of each program by the page's table (`make cheats`). The list is that of the public
record (KernelBench, pygpubench, GPU MODE, METR, Sakana, CUDA-L1, FlashInfer-Bench, llm.c and others), fifty in all.
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

from attack_pack.cheats import BEGIN, END
from attack_pack.verdicts import REPOSITORY


class Hack(NamedTuple):
    words: str
    cheats: tuple[str, ...] = ()
    """`folder/name` of tests/hostile/kernels."""
    otherwise: str = ""
    """Why there is no program, or what else stands against it."""


HACKS: tuple[Hack, ...] = (
    Hack("work on a side stream that events miss", (), "a GPU's; on a CPU: the second thread of 2 and 13"),
    Hack("a background thread works after the reply", ("softmax/10_thread_deferral", "softmax/14_early_reply")),
    Hack("a lazy object computes when it is compared", (), "answers are bytes in shared memory: there is no object"),
    Hack("the clock is replaced in the process", ("softmax/11_clock_patch",)),
    Hack("device events are detoured", (), "a GPU's; the clock is the parent's"),
    Hack("one shape's time goes to zero", ("softmax/31_guess_and_check",), "less than the roof's time is an alarm"),
    Hack("the first of many calls does all", ("softmax/18_first_calls_only",)),
    Hack("warm-up is slowed to cut the rounds", ("softmax/40_sleeper",), "rounds are the parent's, and fixed"),
    Hack("warm-up is recognised", ("softmax/43_turn_taker", "softmax/18_first_calls_only")),
    Hack("cache is carved out across the flush", ("softmax/39_takes_shared_pages",)),
    Hack("inputs stay in the cache", (), "new data and a flush from outside before each call"),
    Hack("work is moved to loading", ("softmax/12_constructor_exit",)),
    Hack("more threads than declared", ("softmax/20_second_thread", "softmax/38_hidden_thread")),
    Hack("answers replayed by address", ("softmax/04_pointer_cache",)),
    Hack("answers replayed by a fingerprint", ("softmax/05_fingerprint_cache", "gemm-f32/01_packed_by_fingerprint")),
    Hack("weights prepared once and kept", ("gemm-f32/01_packed_by_fingerprint", "jacobi2d/04_answer_kept_in_scratch")),
    Hack("nothing is written, an old answer lies there", ("softmax/03_stale",)),
    Hack("inputs are changed so that a reference agrees", ("softmax/06_input_tamper", "softmax/25_unprotect")),
    Hack("zeros below the tolerance", ("softmax/01_zeros",)),
    Hack("a constant where the answer hardly varies", ("softmax/02_constant", "axpy/01_sampled_constant")),
    Hack("lower precision", ("softmax/15_bfloat16", "softmax/34_half_precision", "gemm-f32/03_bfloat16_pairs")),
    Hack("an unsafe shortcut in the numerics", ("softmax/07_no_maximum", "softmax/44_saturating_exp")),
    Hack("a part of the output", ("softmax/08_first_part", "jacobi2d/06_every_other_sweep")),
    Hack("right on the visible shapes only", ("softmax/36_known_lengths", "gemm-f32/04_whole_tiles")),
    Hack("honest for the first calls", ("softmax/18_first_calls_only",)),
    Hack("statistics of the input recognised", ("softmax/19_uniform_if_narrow", "jacobi2d/01_stops_when_smooth")),
    Hack("a seeded generator rebuilt, answers tabulated", (), "seeds come from the system, new for each evaluation"),
    Hack("out of bounds, uninitialised", ("softmax/16_write_past_end", "softmax/17_write_before_start")),
    Hack("NaN as a joker", ("softmax/03_stale",), "outputs are full of NaN before, and NaN never matches"),
    Hack("the input given back", (), "an impostor of every task's admission (`evaluators/kernels/impostors.py`)"),
    Hack("the expected answer found in memory", (), "it lies in another process"),
    Hack("memory scanned for answer or counter", ("softmax/24_memory_file_reopen",), "neither is in the process"),
    Hack("the result channel forged", ("softmax/12_constructor_exit", "softmax/37_hidden_instruction")),
    Hack("an early exit taken for success", ("softmax/12_constructor_exit",)),
    Hack("output filtered", ("softmax/28_flood", "softmax/37_hidden_instruction")),
    Hack("the checker replaced", ("softmax/13_checker_patch",)),
    Hack("answers through a file between processes", (), "no writable place outlives a process (make attacks)"),
    Hack("a neighbour is slowed down", ("softmax/41_many_mappings", "softmax/39_takes_shared_pages")),
    Hack("rounding or flush mode left changed", ("softmax/21_flush_to_zero",)),
    Hack("endless loop, memory bomb", ("softmax/22_endless", "softmax/27_memory_bomb", "softmax/42_memory_at_rest")),
    Hack("a helper process works on", ("softmax/23_fork",)),
    Hack("a library called", ("softmax/26_exec",), "imports are a list; there is no dlopen in the box"),
    Hack("an exception falls back on the reference", (), "C: no reference is in reach"),
    Hack("the reference subclassed", (), "C: no reference is in reach"),
    Hack("an optimised path that is never taken", (), "no gain without it: what runs is what is timed"),
    Hack("redundant work of the task left out", (), "legal: the oracle says what the task is"),
    Hack("a weak baseline", (), "best of several, each with environment and page faults, measured now"),
    Hack("the best of many noisy ones", (), "confirmation in a new process; only that is reported"),
    Hack("orders to the judge in comments", (), "tests/e2e/campaign/test_prompt_injection.py"),
    Hack("a race tuned to the check", (), "one thread; the same input twice, every timed call checked"),
)


def outcomes() -> dict[str, str]:
    """Cheat → `state at stage (reason)`, as the page has it."""
    page = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    found = {}
    for line in page.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 6 and cells[0].startswith("`"):
            gain = "" if cells[5] == "-" else f", {cells[5]} x"
            found[cells[0].strip("`")] = f"{cells[2]} at {cells[3]} ({cells[4]}{gain})"
    return found


def rows() -> list[tuple[str, str, str]]:
    known = outcomes()
    return [
        (
            str(number),
            hack.words,
            "; ".join(
                [*(f"{name}: {known.get(name, 'not run')}" for name in hack.cheats), *filter(None, [hack.otherwise])]
            ),
        )
        for number, hack in enumerate(HACKS, start=1)
    ]


def main() -> int:
    for number, words, what in rows():
        sys.stdout.write(f"{number:>2}  {words:<48} {what}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
