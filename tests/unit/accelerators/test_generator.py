"""Generator programs: what they print is the design, and whatever goes wrong is theirs."""

from __future__ import annotations

import asyncio

import pytest

from evaluators.accelerators.generator import MARK, is_generator, run_generator
from evaluators.accelerators.refusal import Refused
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Outcome

ADDER = f"""{MARK}
from structures import adder, named_adder
print(adder(named_adder(4, "sklansky")))
"""


def run(box: Sandbox, program: str, wall_s: float = 10.0) -> str:
    return asyncio.run(run_generator(box, program, wall_s=wall_s))


def test_only_the_first_line_makes_a_generator() -> None:
    assert is_generator(ADDER)
    assert not is_generator("module cand; endmodule")
    assert not is_generator(f"// x\n{MARK}\nprint()")


def test_it_prints_a_design_from_the_library(box: Sandbox) -> None:
    text = run(box, ADDER)
    assert "module cand" in text
    assert text.rstrip().endswith("endmodule")


def test_two_runs_print_the_same(box: Sandbox) -> None:
    program = f"{MARK}\nprint('module cand;', *{{str(n) for n in range(40)}})\n"
    assert run(box, program) == run(box, program)


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        ("raise ValueError('no such tree')", "generator_error", "no such tree"),
        ("import sys; sys.exit(3)", "generator_error", "status 3"),
        ("def", "generator_error", "SyntaxError"),
        ("pass", "generator_silent", "printed nothing"),
        ("print('x' * 600_000)", "too_long", "bytes of Verilog"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe')", "not_text", "UTF-8"),
        ("import ctypes; ctypes.string_at(0)", "generator_error", "crashed"),
        ("b = bytearray(1 << 30)\nfor i in range(0, 1 << 30, 4096): b[i] = 1", "generator_memory", "MiB"),
        ("import socket; socket.create_connection(('127.0.0.1', 22), 1)", "generator_error", "Error"),
        ("open('/job/structures.py', 'w')", "generator_error", "Read-only"),
        ("print(open('/root/.bashrc').read())", "generator_error", "Error"),
    ],
)
def test_what_goes_wrong_is_the_programs(box: Sandbox, body: str, reason: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        run(box, f"{MARK}\n{body}\n")
    assert caught.value.reason == reason
    assert words in caught.value.feedback


def test_an_endless_one_is_a_timeout(box: Sandbox) -> None:
    with pytest.raises(Refused) as caught:
        run(box, f"{MARK}\nwhile True: pass\n", wall_s=1.0)
    assert caught.value.outcome is Outcome.TIMEOUT
    assert caught.value.reason == "generator_timeout"


def test_a_long_or_broken_source_is_refused(box: Sandbox) -> None:
    with pytest.raises(Refused, match="too_long"):
        run(box, f"{MARK}\n#{'x' * 300_000}")
    with pytest.raises(Refused, match="not_text"):
        run(box, f"{MARK}\nprint('\ud800')")
