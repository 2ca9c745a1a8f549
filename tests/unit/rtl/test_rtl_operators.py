"""Operators of hardware programs: legal, quick, never twice the same, the same again for the same seed."""

from __future__ import annotations

from random import Random
from time import process_time

import pytest
from verilog_interpreter import assert_adds, assert_multiplies

from agents.offline.coder import OfflineCoder
from nightforge.domain.task import Objective
from nightforge.domain.team import Draft, Operator, OperatorContext, Program, StepContext
from nightforge.domain.words import Direction
from tools.rtl import structures
from tools.rtl.expressions import parse, rewritten
from tools.rtl.genomes import new_generator, read_generator
from tools.rtl_operators.adder_operators import Fit, Gates, Prefix
from tools.rtl_operators.combining import GenomeCrossover, Leap
from tools.rtl_operators.tree_operators import Compressors, Rebuild, Wiring
from tools.rtl_operators.verilog_operators import Expressions, FirstGenerator, read_operation

TREE: tuple[type[Operator], ...] = (Wiring, Compressors, Rebuild)
BOTH: tuple[type[Operator], ...] = (Prefix, Fit, Gates, Leap)
MULTIPLIER = new_generator("multiplier", structures.named_multiplier(5, "dadda", "sklansky"))
ADDER = new_generator("adder", structures.named_adder(10, "brent-kung"))
SEED = """// A multiplier: assign p = a + b would be wrong.
module cand (
  input  wire [7:0] a, b,
  output wire [15:0] p
);
  assign p = a * b;
endmodule
"""


def context(source: str, seed: int = 0, partners: tuple[str, ...] = ()) -> OperatorContext:
    others = tuple(Program(ordinal=2 + n, source=text) for n, text in enumerate(partners))
    return OperatorContext(language="verilog", parent=Program(ordinal=1, source=source), partners=others, seed=seed)


def assert_right(draft: Draft) -> None:
    found = read_generator(draft.source)
    assert found is not None
    assert found.with_genome(found.genome) == draft.source, "an equal genome is an equal text"
    (assert_multiplies if found.maker == "multiplier" else assert_adds)(found.genome)


@pytest.mark.parametrize("made", [*TREE, *BOTH])
def test_a_long_walk_stays_right(made: type[Operator]) -> None:
    operator, source, seen = made(), MULTIPLIER, {MULTIPLIER}
    for seed in range(25):
        drafts = operator.propose(context(source, seed))
        assert drafts == operator.propose(context(source, seed)), "pure"
        for draft in drafts:
            assert draft.note
            assert draft.source != source
            assert_right(draft)
        if drafts:
            source = drafts[0].source
            seen.add(source)
    assert len(seen) > 10, "it does not come back to the same few programs"


@pytest.mark.parametrize("made", BOTH)
def test_carry_networks_of_adders_change_too(made: type[Operator]) -> None:
    for seed in range(10):
        for draft in made().propose(context(ADDER, seed)):
            assert_right(draft)


@pytest.mark.parametrize("made", TREE)
def test_an_adder_has_no_tree(made: type[Operator]) -> None:
    assert not made().propose(context(ADDER))


def test_crossover_joins_two_designs_legally() -> None:
    genome = structures.named_multiplier(5, "wallace", "kogge-stone")
    other = new_generator("multiplier", {**genome, "propagate": "xoxoxoxoxo", "select": "xmxmxmxmxm"})
    sources = set()
    for seed in range(20):
        for draft in GenomeCrossover().propose(context(MULTIPLIER, seed, (other, ADDER, SEED))):
            assert_right(draft)
            assert "from candidate 2" in draft.note
            sources.add(draft.source)
    assert len(sources) > 10


def test_crossover_takes_a_tree_together_with_its_products() -> None:
    other = new_generator("multiplier", structures.named_multiplier(5, "wallace", "kogge-stone", "booth"))
    found = set()
    for seed in range(10):
        for draft in GenomeCrossover().propose(context(MULTIPLIER, seed, (other,))):
            assert_right(draft)
            found.add('"booth"' in draft.source)
    assert found == {True, False}


@pytest.mark.parametrize("made", [*TREE, *BOTH, GenomeCrossover])
def test_operators_have_nothing_for_plain_verilog(made: type[Operator]) -> None:
    assert not made().propose(context(SEED, partners=(MULTIPLIER,)))


@pytest.mark.timing
@pytest.mark.parametrize("made", [Wiring, Compressors, Rebuild, Prefix, Fit, Gates])
def test_operators_are_quick(made: type[Operator]) -> None:
    source = new_generator("multiplier", structures.named_multiplier(16, "dadda", "sklansky"))
    operator = made()
    operator.propose(context(source, 99))
    started = process_time()
    for seed in range(10):
        operator.propose(context(source, seed))
    assert (process_time() - started) / 10 < 0.04


def test_from_the_seed_to_generators() -> None:
    drafts = FirstGenerator().propose(context(SEED))
    assert len(drafts) >= 6
    for draft in drafts:
        assert_right(draft)
    assert read_operation(SEED.replace("[15:0] p", "[16:0] s").replace("p = a * b", "s = a + b")) is None
    adder = SEED.replace("[15:0] p", "[8:0] s").replace("assign p = a * b", "assign s = b + a")
    assert read_operation(adder) == ("+", 8)
    for draft in FirstGenerator().propose(context(adder)):
        assert_right(draft)


@pytest.mark.parametrize(
    "source",
    [
        SEED.replace("[15:0] p", "[14:0] p"),
        SEED.replace("a * b", "a * b * 2"),
        SEED.replace("a * b;", "a * b;\n  wire x = a[0];"),
        SEED.replace("a, b", "a, c").replace("a * b", "a * c"),
        MULTIPLIER,
    ],
)
def test_other_modules_get_no_generator(source: str) -> None:
    assert not FirstGenerator().propose(context(source))


def _value(text: str, names: dict[str, int]) -> int:
    return int(eval(text, {"__builtins__": {}}, names)) & 0xFF


@pytest.mark.parametrize(
    "text",
    [
        "a & b | a & c",
        "(a | b) & (a | c)",
        "~(a & b) ^ c",
        "a ^ b ^ c",
        "a * b + a * c",
        "a + b + c",
        "~a & ~b | c & b",
    ],
)
def test_identities_hold(text: str) -> None:
    whole = parse(text)
    assert whole is not None
    found = list(rewritten(whole))
    assert found
    random = Random(1)
    for _ in range(50):
        names = {name: random.getrandbits(8) for name in "abc"}
        for fresh, note in found:
            assert _value(str(fresh), names) == _value(text, names), (note, str(fresh))


@pytest.mark.parametrize("text", ["a ? b : c", "{a, b}", "a << 2", "a - b", "a &", "(a", "a b", "", "~", "f(a)"])
def test_other_expressions_are_left_alone(text: str) -> None:
    assert parse(text) is None


def test_expressions_in_comments_are_no_assignments() -> None:
    source = "module cand(input a, output y);\n// assign y = a & a | a & y;\nassign y = ~(~a & ~a);\nendmodule\n"
    drafts = Expressions().propose(context(source))
    assert drafts
    assert all("// assign y = a & a | a & y;\n" in draft.source for draft in drafts)


async def test_the_coder_has_something_new_for_every_candidate() -> None:
    coder = OfflineCoder([Wiring(), Prefix(), Gates(), FirstGenerator()])
    known = {MULTIPLIER}
    operators = set()
    for ordinal in range(1, 60):
        step = StepContext(
            campaign_id="c",
            ordinal=ordinal,
            goal="",
            task="mul",
            language="verilog",
            brief="",
            objective=Objective(metric="adp", unit="um2*ns", direction=Direction.MIN),
            parent=Program(ordinal=0, source=MULTIPLIER),
            seed=ordinal,
        )
        draft = await coder.write(step, random=Random(ordinal), is_known=known.__contains__)
        assert isinstance(draft, Draft)
        assert draft.source not in known
        known.add(draft.source)
        operators.add(draft.operator_name)
    assert operators == {"rewrite.rtl-wiring", "rewrite.rtl-prefix", "rewrite.rtl-gates"}


@pytest.mark.parametrize(
    ("width", "first", "count"),
    [(8, "and tree wired by arrival, compressors n, fitted", 8), (16, "booth-early tree wired by arrival", 9)],
)
def test_the_better_start_comes_first(width: int, first: str, count: int) -> None:
    source = (
        f"module cand (input wire [{width - 1}:0] a, input wire [{width - 1}:0] b, "
        f"output wire [{2 * width - 1}:0] p);\n  assign p = a * b;\nendmodule\n"
    )
    drafts = FirstGenerator().propose(context(source))
    assert first in drafts[0].note
    assert len(drafts) == len({draft.source for draft in drafts}) == count
