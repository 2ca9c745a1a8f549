"""Operators, edits and likeness on programs of several files."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agents.offline.coder import OfflineCoder
from nightforge.domain.bundle import Bundle, format_bundle, parse_bundle
from nightforge.domain.task import Objective
from nightforge.domain.team import Draft, NoDraft, OperatorContext, Program, StepContext
from nightforge.domain.words import Direction, OperatorKind
from tools.crossover import Crossover
from tools.likeness import shape_of, tokens_of
from tools.patching import program_from_reply, unified_diff
from tools.rewrites.constants import Constants
from tools.rewrites.unroll import Unroll
from tools.sections import CrossFiles, Sectioned
from tools.tuning import Tune

C = "#define N 8\nfloat f(const float *x) {\n  float s = 0;\n  for (int i = 0; i < N; i++) s += x[i];\n  return s;\n}\n"
PY = "# nf: tune STEP in {1, 2, 4}\nSTEP = 1\n\ndef g(x):\n    return x * STEP\n"
BOTH = format_bundle(Bundle({"a.c": C, "b.py": PY}))


def context(source: str, *partners: Program) -> OperatorContext:
    return OperatorContext(
        language="bundle", parent=Program(ordinal=0, source=source), partners=partners, history=partners, seed=1
    )


class Spy:
    """Notes what it is shown; proposes the text it was made with."""

    name = "rewrite.spy"
    kind = OperatorKind.REWRITE
    languages: frozenset[str] = frozenset({"python"})

    def __init__(self, *proposals: str) -> None:
        self.proposals = proposals
        self.seen: list[OperatorContext] = []

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        self.seen.append(context)
        return [Draft(source=text, operator=self.kind, operator_name=self.name) for text in self.proposals]


def test_an_operator_sees_its_file_alone_in_its_own_language() -> None:
    spy = Spy("x = 2\n")
    drafts = Sectioned(spy, 0.5, structural=False).propose(context(BOTH))
    assert [(one.language, one.parent.source) for one in spy.seen] == [("python", PY)]
    (draft,) = drafts
    assert dict(parse_bundle(draft.source).files) == {"a.c": C, "b.py": "x = 2\n"}


def test_nothing_leaves_the_marked_block() -> None:
    marked = "a = 1\n# EVOLVE-BLOCK-START\nb = 1\n# EVOLVE-BLOCK-END\n"
    inside, outside = marked.replace("b = 1", "b = 2"), marked.replace("a = 1", "a = 2")
    spy = Spy(outside, inside, marked)
    drafts = Sectioned(spy, 0.5, structural=False).propose(context(format_bundle(Bundle({"m.py": marked}))))
    assert [parse_bundle(draft.source).files["m.py"] for draft in drafts] == [inside]


def test_history_is_what_was_measured_beside_the_same_other_files() -> None:
    same = Program(ordinal=1, source=format_bundle(Bundle({"a.c": C, "b.py": "x = 3\n"})), score=1.0)
    other = Program(ordinal=2, source=format_bundle(Bundle({"a.c": C + "\n", "b.py": "x = 4\n"})), score=2.0)
    spy = Spy()
    Sectioned(spy, 0.5, structural=False).propose(context(BOTH, same, other))
    assert [one.source for one in spy.seen[0].history] == ["x = 3\n"]
    assert [one.source for one in spy.seen[0].partners] == ["x = 3\n", "x = 4\n"]


def test_rewrites_of_c_reach_the_c_file() -> None:
    drafts = Sectioned(Unroll(), 0.5, structural=False).propose(context(BOTH))
    assert drafts
    assert all(parse_bundle(draft.source).files["b.py"] == PY for draft in drafts)
    assert all(draft.note.startswith("a.c: ") for draft in drafts)


def test_a_program_that_broke_its_headers_gets_no_proposal() -> None:
    assert Sectioned(Unroll(), 0.5, structural=False).propose(context("no header\n")) == ()
    assert CrossFiles().propose(context("no header\n")) == ()


def test_files_cross_where_more_than_one_differs() -> None:
    partner = Program(ordinal=4, source=format_bundle(Bundle({"a.c": C + "\n", "b.py": "x = 1\n"})))
    found = [dict(parse_bundle(one.source).files) for one in CrossFiles().propose(context(BOTH, partner))]
    assert found == [{"a.c": C + "\n", "b.py": PY}, {"a.c": C, "b.py": "x = 1\n"}]
    alike = Program(ordinal=5, source=format_bundle(Bundle({"a.c": C + "\n", "b.py": PY})))
    assert CrossFiles().propose(context(BOTH, alike)) == ()


async def test_the_offline_coder_goes_through_all_files() -> None:
    operators = (Tune(), Constants(), Unroll(), Crossover(), CrossFiles())
    from agents.offline.coder import for_sections

    coder = OfflineCoder((*operators, *for_sections(operators)))
    asked = StepContext(
        campaign_id="c",
        ordinal=1,
        goal="",
        task="t",
        language="bundle",
        brief="",
        objective=Objective(metric="gain", unit="x", direction=Direction.MAX),
        parent=Program(ordinal=0, source=BOTH),
    )
    made: set[str] = set()
    for _ in range(12):
        draft = await coder.write(asked, random=Random(1), is_known=lambda source: source in made or source == BOTH)
        if isinstance(draft, NoDraft):
            break
        made.add(draft.source)
    changed = {path for source in made for path, text in parse_bundle(source).files.items() if text not in (C, PY)}
    assert changed == {"a.c", "b.py"}


def edit(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def test_a_models_edit_finds_its_file() -> None:
    changed = program_from_reply(BOTH, edit("    return x * STEP", "    return x + STEP"))
    assert isinstance(changed, str)
    assert dict(parse_bundle(changed).files) == {"a.c": C, "b.py": PY.replace("x * STEP", "x + STEP")}


def test_an_edit_that_fits_two_files_or_none_says_so() -> None:
    twins = format_bundle(Bundle({"a.py": "x = 1\n", "b.py": "x = 1\n"}))
    both = program_from_reply(twins, edit("x = 1", "x = 2"))
    assert isinstance(both, NoDraft)
    assert "a.py, b.py" in both.feedback
    none = program_from_reply(BOTH, edit("    return x ** STEP", "pass"))
    assert isinstance(none, NoDraft)
    assert "return x * STEP" in none.feedback


def test_edits_cannot_touch_headers_or_text_outside_of_a_block() -> None:
    assert isinstance(program_from_reply(BOTH, edit("=== file: b.py ===", "=== file: /etc/x ===")), NoDraft)
    marked = format_bundle(
        Bundle({"m.py": "a = 1\n# EVOLVE-BLOCK-START\nb = 1\n# EVOLVE-BLOCK-END\n", "n.py": "c = 1\n"})
    )
    refused = program_from_reply(marked, edit("a = 1", "a = 2"))
    assert isinstance(refused, NoDraft)
    assert refused.reason == "outside_evolve_block"
    assert isinstance(program_from_reply(marked, edit("b = 1", "b = 2")), str)
    assert isinstance(program_from_reply(marked, edit("c = 1", "c = 2")), str)


def test_a_whole_program_may_leave_files_out_but_not_bring_others() -> None:
    whole = program_from_reply(BOTH, "```\n=== file: b.py ===\ny = 1\n```\n")
    assert isinstance(whole, str)
    assert dict(parse_bundle(whole).files) == {"a.c": C, "b.py": "y = 1\n"}
    assert isinstance(program_from_reply(BOTH, "```\n=== file: Makefile ===\nall:\n```\n"), NoDraft)
    assert isinstance(program_from_reply(BOTH, "```\nint x;\n```\n"), NoDraft)


def test_likeness_knows_the_languages_of_the_files() -> None:
    renamed = format_bundle(
        Bundle(
            {
                "a.c": C.replace(" s ", " total ").replace("return s;", "return total;").replace("; s", "; total"),
                "b.py": PY + "# a remark\n",
            }
        )
    )
    assert "file:a.c" in tokens_of(BOTH, "bundle")
    assert shape_of(renamed.replace(" s +=", " total +="), "bundle") == shape_of(BOTH, "bundle")
    assert shape_of(BOTH.replace("STEP = 1", "STEP = 2"), "bundle") != shape_of(BOTH, "bundle")


def test_a_diff_of_bundles_is_a_patch_of_files() -> None:
    after = format_bundle(parse_bundle(BOTH).replaced("b.py", PY.replace("STEP = 1", "STEP = 2")))
    patch = unified_diff(BOTH, after)
    assert "--- a/b.py\n+++ b/b.py\n" in patch
    assert "a.c" not in patch
