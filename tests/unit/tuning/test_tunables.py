"""Declared tunables: found in comments of any language, changed in place, searched from what is known."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.team import OperatorContext, Program
from nightforge.domain.words import OperatorKind
from tools.tuning import SampledTune, Tune, parse_tunables, skeleton, with_values

NAMES = st.from_regex(r"[A-Z][A-Z_]{2,8}", fullmatch=True)
CHOICES = st.lists(st.integers(1, 4096).map(str), min_size=2, max_size=5, unique=True)
NOISE = st.lists(st.sampled_from(["int a = 3;", "// a note", "", "x += 1", "#define OTHER 7"]), max_size=4)
FORMS = {
    "c define": "// nf: tune {name} in {{{choices}}}\n#define {name} {value}\nint a[{name}];\n",
    "c comment": "/* nf: tune {name} in {{{choices}}} */\nstatic const int {name} = {value};\n",
    "python": "# nf: tune {name} in {{{choices}}}\n{name} = {value}\n",
    "annotated": "# nf: tune {name} in {{{choices}}}\n{name}: int = {value}  # default\n",
    "verilog": "// nf: tune {name} in {{{choices}}}\nmodule m #(parameter {name} = {value}) ();\n",
    "sql": "-- nf: tune {name} in {{{choices}}}\n{name} = {value};\n",
    "same line": "{name} = {value}  # nf: tune {name} in {{{choices}}}\n",
}


def _program(form: str, name: str, choices: list[str], value: str) -> str:
    return FORMS[form].format(name=name, choices=", ".join(choices), value=value)


@given(st.sampled_from(sorted(FORMS)), NAMES, CHOICES, st.data(), NOISE, NOISE)
def test_declared_value_is_found_and_changed_in_place(
    form: str, name: str, choices: list[str], data: st.DataObject, before: list[str], after: list[str]
) -> None:
    value, other = data.draw(st.sampled_from(choices)), data.draw(st.sampled_from(choices))
    source = "\n".join([*before, _program(form, name, choices, value), *after])
    (tunable,) = parse_tunables(source)
    assert (tunable.name, tunable.choices, tunable.value) == (name, tuple(choices), value)
    changed = with_values(source, {name: other})
    assert changed == "\n".join([*before, _program(form, name, choices, other), *after])
    assert parse_tunables(changed)[0].value == other
    assert with_values(changed, {name: value}) == source
    assert skeleton(changed) == skeleton(source)


@given(st.text(alphabet=st.sampled_from("nf: tune#/*-{},=AB19\n\t \"'define"), max_size=200))
def test_any_text_parses_to_something_that_can_be_put_back(source: str) -> None:
    found = parse_tunables(source)
    assert with_values(source, {tunable.name: source[tunable.start : tunable.end] for tunable in found}) == source
    for tunable in found:
        assert len(tunable.choices) >= 2
        assert source[tunable.start : tunable.end]


@pytest.mark.parametrize(
    "source",
    [
        "nf: tune A in {1,2}\nA = 1\n",
        "# nf: tune A in {1}\nA = 1\n",
        "# nf: tune A in {1,2}\nB = 1\n",
        "# nf: tune A in {1,2}\nif A == 1: pass\n",
        "// nf: tune A in {1,2}\n#define A 1\nint unused;\n",
        "A = 1\n# nf: tune A in {1,2}\n",
    ],
    ids=["no comment", "one choice", "no carrier", "comparison", "dead macro", "carrier before"],
)
def test_what_is_not_a_tunable(source: str) -> None:
    assert parse_tunables(source) == ()


def test_flags_header_is_a_carrier() -> None:
    source = "// nf-flags: fast-math\n// nf: tune nf-flags in {fast-math, fast-math vec512}\nint a;\n"
    changed = with_values(source, {"nf-flags": "fast-math vec512"})
    assert changed == source.replace("nf-flags: fast-math\n", "nf-flags: fast-math vec512\n")


TWO = "# nf: tune A in {1,2,4,8}\nA = 2\n# nf: tune B in {x,y}\nB = x\n"


def _context(source: str, history: tuple[Program, ...] = (), seed: int = 1) -> OperatorContext:
    return OperatorContext(
        language="python", parent=Program(ordinal=0, source=source, score=1.0), history=history, seed=seed
    )


def test_neighbours_come_first_and_every_draft_is_new() -> None:
    drafts = Tune().propose(_context(TWO))
    assert [draft.note for draft in drafts[:3]] == ["A 2 -> 1", "A 2 -> 4", "B x -> y"]
    assert all(draft.operator is OperatorKind.TUNE for draft in drafts)
    sources = [draft.source for draft in drafts]
    assert len(set(sources)) == len(sources) == 7
    assert TWO not in sources


def test_measured_values_are_not_proposed_again() -> None:
    measured = with_values(TWO, {"A": "1"})
    drafts = Tune().propose(_context(TWO, (Program(ordinal=1, source=measured, score=2.0),)))
    assert measured not in [draft.source for draft in drafts]


def test_scores_of_the_family_steer_the_proposals() -> None:
    many = "".join(f"# nf: tune P{k} in {{0,1,2,3,4,5,6,7}}\nP{k} = 3\n" for k in range(3))

    def history(best: int) -> tuple[Program, ...]:
        random = Random(3)
        values = [{f"P{k}": str(random.randrange(8)) for k in range(3)} for _ in range(40)]
        return tuple(
            Program(ordinal=n, source=with_values(many, v), score=-sum(abs(int(x) - best) for x in v.values()))
            for n, v in enumerate(values, 1)
        )

    def mean(best: int) -> float:
        context = _context(many, history(best))
        parent = Program(ordinal=0, source=many, score=-3.0 * abs(3 - best))
        drafts = Tune().propose(context.model_copy(update={"parent": parent}))[6:]
        chosen = [int(t.value) for draft in drafts for t in parse_tunables(draft.source)]
        return sum(chosen) / len(chosen)

    assert mean(7) > mean(0) + 1


def test_same_context_same_proposals() -> None:
    assert Tune().propose(_context(TWO, seed=5)) == Tune().propose(_context(TWO, seed=5))


def test_a_value_outside_its_list_moves_into_it() -> None:
    drafts = Tune().propose(_context(TWO.replace("A = 2", "A = 3")))
    assert drafts[0].note == "A 3 -> 1"


def test_nothing_declared_nothing_proposed() -> None:
    assert Tune().propose(_context("A = 1\n")) == ()


def test_the_sampler_alone_climbs_on_its_own_history() -> None:
    """What is measured of the family goes back in: the best of 40 lies near the peak, and nothing is proposed twice."""
    places = ",".join(str(number) for number in range(41))
    source = f"# nf: tune X in {{{places}}}\nX = 3\n# nf: tune Y in {{{places}}}\nY = 5\n"

    def height(text: str) -> float:
        values = {tunable.name: int(tunable.value) for tunable in parse_tunables(text)}
        return -float((values["X"] - 29) ** 2 + (values["Y"] - 17) ** 2)

    def climb(seed: int) -> float:
        history: list[Program] = []
        for ordinal in range(1, 41):
            parent = Program(ordinal=0, source=source, score=height(source))
            asked = OperatorContext(language="text", parent=parent, history=tuple(history), seed=1000 * seed + ordinal)
            drafts = SampledTune().propose(asked)
            assert seed or drafts == SampledTune().propose(asked)
            assert drafts[0].source not in {program.source for program in history}
            history.append(Program(ordinal=ordinal, source=drafts[0].source, score=height(drafts[0].source)))
        return max(program.score for program in history if program.score is not None)

    assert sorted(climb(seed) for seed in range(3))[1] > -25


def test_a_long_list_of_numbers_is_first_crossed_in_wide_steps() -> None:
    long = f"# nf: tune A in {{{','.join(str(number) for number in range(40))}}}\nA = 20\n"
    notes = [draft.note for draft in Tune().propose(_context(long))][:8]
    assert notes == [f"A 20 -> {20 + step}" for step in (-8, 8, -4, 4, -2, 2, -1, 1)]
    words = long.replace("{0,", "{zero,")
    assert Tune().propose(_context(words))[0].note == "A 20 -> 19"
