"""Help in choosing: finalists folded by idea, several objectives weighed, a winner's hunks beside its difference."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_client import Browser, CampaignMaker

from nightforge.domain.archive import CAMPAIGN, ArchiveChange, Resident, Trial
from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.minimisation import Hunk, Minimisation, document_name
from nightforge.domain.minimisation import Trial as Tried
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import CampaignState, CandidateState, Direction, OperatorKind, Outcome, SandboxTier
from nightforge.report import build_report, gather
from nightforge.report.model import Table
from nightforge.store import SqlStore
from nightforge.web.choosing import IdeaView, folded
from nightforge.web.minimised import beside_lines, minimised_view
from nightforge.web.rows import Row
from tools.hunks import changes_between

SEED = "int f(int n) {\n    int s = 0;\n    for (int i = 0; i < n; i++) s += i;\n    return s;\n}\n"
UNROLLED = SEED.replace("    for", "#pragma GCC unroll 8\n    for")
CLOSED = SEED.replace("    for (int i = 0; i < n; i++) s += i;\n    return s;", "    return n * (n - 1) / 2 + s;")
LISTED = re.compile(r'data-href="/c/[^"/]+/(\d+)" class="([^"]*)"')


def rows(count: int) -> list[Row]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Row(ordinal=place, ref=f"a.{place}", state=CandidateState.MEASURED, created_at=at) for place in range(count)
    ]


@given(st.integers(0, 30), st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True), max_size=8))
def test_folding_loses_no_row_and_keeps_its_rank(count: int, groups: list[list[int]]) -> None:
    taken: set[int] = set()
    ideas = []
    for group in groups:
        mine = [one for one in group if one not in taken]
        taken |= set(mine)
        if mine:
            ideas.append(IdeaView(leader=mine[0], twins=tuple(mine[1:]), trail=(), lines_changed=1))
    folds = folded(rows(count), ideas, 1)
    flat = [fold for one in folds for fold in (one, *one.twins)]
    assert sorted(fold.row.ordinal for fold in flat) == list(range(count))
    assert all(fold.rank == fold.row.ordinal + 1 for fold in flat)
    leaders = [one.row.ordinal for one in folds]
    assert leaders == sorted(leaders), "what is not folded keeps the list's order"


async def add(store: SqlStore, named: str, ordinal: int, source: str, metrics: dict[str, float], score: float) -> None:
    await store.open_candidate(named, ordinal, parents=[0] if ordinal else [])
    kind = OperatorKind.REWRITE if ordinal else None
    await store.save_code(named, ordinal, source, attempt=0, operator=kind, operator_name="unroll" if kind else "")
    found = {name: Metric(value=value, low=value, high=value) for name, value in metrics.items()}
    stage = StageEvidence(stage="full", outcome=Outcome.PASS, metrics=found)
    evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))
    await store.save_evidence(named, ordinal, evidence, attempt=0, score=score, score_low=score)
    await store.finish_candidate(named, ordinal, CandidateState.MEASURED)


async def kernel(store: SqlStore, *programs: str) -> str:
    plan = Plan(
        goal="a faster sum",
        task="softmax-long",
        objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
        budget=Budget(evaluations=100),
    )
    named = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    for ordinal, source in enumerate((SEED, *programs)):
        await add(store, named, ordinal, source, {"speedup": 1 + ordinal / 10}, 1 + ordinal / 10)
    await store.set_campaign_state(named, CampaignState.FINISHED)
    return named


async def confirm(store: SqlStore, named: str, *ordinals: int) -> None:
    for ordinal in ordinals:
        one = store.candidate(named, ordinal)
        assert one.evidence is not None
        await store.save_confirmation(
            named, ordinal, one.evidence, state=CandidateState.CONFIRMED, score=one.score, score_low=one.score_low
        )


async def test_twins_stand_below_the_best_of_their_idea(browser: Browser, store: SqlStore) -> None:
    named = await kernel(store, UNROLLED.replace("8", "4"), CLOSED, UNROLLED)
    twin = (await browser.get(f"/c/{named}/candidates.json")).json()
    assert [(one["leader"], one["twins"]) for one in twin["ideas"]] == [(3, [1]), (2, [])]
    assert [row["ordinal"] for row in twin["rows"]] == [3, 2, 1, 0], "the list itself stays a ranking"
    page = (await browser.get(f"/c/{named}/candidates")).text
    shown = [(int(number), "twin" in look.split()) for number, look in LISTED.findall(page)[-4:]]
    assert shown == [(3, False), (1, True), (2, False), (0, False)]
    assert "1 twin<" in page
    assert "3 finalists, 2 ideas" in page


async def test_twins_at_their_rank_where_that_is_asked_for(browser: Browser, store: SqlStore) -> None:
    named = await kernel(store, UNROLLED.replace("8", "4"), CLOSED, UNROLLED)
    page = (await browser.get(f"/c/{named}/candidates?by=rank")).text
    assert [int(number) for number, _ in LISTED.findall(page)[-4:]] == [3, 2, 1, 0]
    assert 'class="twins"' not in page
    for narrowed in ("state=measured", "sort=worst", "q=unroll", "operator=unroll"):
        assert (await browser.get(f"/c/{named}/candidates.json?{narrowed}")).json()["ideas"] == []


async def test_pages_and_report_name_the_same_ideas(browser: Browser, store: SqlStore) -> None:
    named = await kernel(store, UNROLLED.replace("8", "4"), CLOSED, UNROLLED)
    told = [
        (one.leader.candidate.ordinal, [t.candidate.ordinal for t in one.twins]) for one in gather(store, named).ideas
    ]
    listed = (await browser.get(f"/c/{named}/candidates.json")).json()["ideas"]
    suggested = (await browser.get(f"/c/{named}/compare.json")).json()["ideas"]
    assert [(one["leader"], one["twins"]) for one in listed] == told
    assert suggested == listed
    page = (await browser.get(f"/c/{named}/compare?with=3,1,2")).text
    assert "its best, 1 twin" in page
    assert "twin of" in page


AREAS = ((100.0, 10.0), (40.0, 11.0), (30.0, 20.0), (29.0, 60.0))


async def two_objectives(store: SqlStore, crowd: int) -> Campaign:
    """A crowd of alike ones with the least delay, and a front of four; only the archive knows of its far end."""
    plan = Plan(
        goal="small and fast",
        task="mul8",
        objectives=(
            Objective(metric="delay", unit="ns", direction=Direction.MIN),
            Objective(metric="area", unit="um2", direction=Direction.MIN),
        ),
        budget=Budget(evaluations=100),
    )
    named = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    points = [(200.0, 90.0), *AREAS, *((101.0 + at, 10.0 + at / 1000) for at in range(crowd))]
    for ordinal, (area, delay) in enumerate(points):
        await add(store, named, ordinal, f"{SEED}// {ordinal}\n", {"area": area, "delay": delay}, -delay)
    for ordinal in range(1, 5):
        home = Resident(CAMPAIGN, ordinal, "", -points[ordinal][1], (-points[ordinal][1], -points[ordinal][0]))
        await store.save_trial(named, ArchiveChange(Trial(ordinal, 0, "x", 0.0, 0.0), arrivals=(home,)))
    await store.set_campaign_state(named, CampaignState.FINISHED)
    return store.campaign(named)


async def test_ends_knee_and_nearest_of_several_objectives_everywhere(browser: Browser, store: SqlStore) -> None:
    named = (await two_objectives(store, crowd=40)).campaign_id
    (listed,) = (await browser.get(f"/c/{named}/candidates.json")).json()["advice"]
    words = {one["ordinal"]: one["words"] for one in listed["choices"]}
    assert set(words) == {1, 2, 4}, "the far end is not among the best ranked, and is found all the same"
    assert words[1] == "best delay"
    assert words[4] == "best area"
    assert words[2] == "knee: most of both; nearest to .1 with less area"
    assert listed["axes"] == ["delay (ns)", "area (um2)"]
    for address in (f"/c/{named}.json", f"/c/{named}/compare.json?with=1,2"):
        assert (await browser.get(address)).json()["advice"] == [listed], address
    (section,) = build_report(gather(store, named)).only("choosing").sections
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert [row[:2] for row in table.rows] == [(words[at], f"{named}.{at}") for at in (1, 4, 2)]
    for address in (f"/c/{named}", f"/c/{named}/candidates", f"/c/{named}/compare?with=1,2"):
        page = (await browser.get(address)).text
        assert "Which one to take" in page, address
        assert "knee: most of both" in page, address


async def test_nearest_to_this_one_but_cheaper(browser: Browser, store: SqlStore) -> None:
    named = (await two_objectives(store, crowd=3)).campaign_id
    (found,) = (await browser.get(f"/c/{named}/1.json")).json()["nearest"]
    (one,) = found["choices"]
    assert (one["ordinal"], one["words"]) == (2, "nearest to .1 with less area")
    (found,) = (await browser.get(f"/c/{named}/3.json")).json()["nearest"]
    middle = {each["ordinal"]: each["words"] for each in found["choices"]}
    assert middle == {2: "nearest to .3 with less delay", 4: "nearest to .3 with less area"}
    assert "Instead of this one" in (await browser.get(f"/c/{named}/1")).text
    assert "Instead of .1" in (await browser.get(f"/c/{named}/compare?with=1,3")).text


async def test_the_confirmed_are_weighed_apart_from_the_measured(browser: Browser, store: SqlStore) -> None:
    named = (await two_objectives(store, crowd=3)).campaign_id
    await confirm(store, named, 1, 2)
    sure, seen = (await browser.get(f"/c/{named}/candidates.json")).json()["advice"]
    assert (sure["is_confirmed"], [one["ordinal"] for one in sure["choices"]]) == (True, [1, 2])
    assert (seen["is_confirmed"], [one["state"] for one in seen["choices"]]) == (False, ["measured"] * 3)
    assert {4, 3} <= {one["ordinal"] for one in seen["choices"]}
    assert "counts once it is confirmed" in seen["words"]
    beside = (await browser.get(f"/c/{named}/1.json")).json()["nearest"]
    assert [[one["ordinal"] for one in each["choices"]] for each in beside] == [[2], [3]]
    await confirm(store, named, 3, 4)
    (sure,) = (await browser.get(f"/c/{named}/candidates.json")).json()["advice"]
    assert sure["is_confirmed"], "the measured offer nothing that the confirmed do not"


async def test_one_number_has_no_front_to_weigh(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    assert (await browser.get(f"/c/{named}.json")).json()["advice"] == []
    assert (await browser.get(f"/c/{named}/1.json")).json()["nearest"] == []


# ---- minimisation

WINNER = UNROLLED.replace("int s = 0;", "register int s = 0;").replace("return s;", "return s + 0;")


def minimisation(**changes: object) -> Minimisation:
    one, two, three = changes_between(SEED, WINNER)
    hunks = (
        Hunk(number=1, diff=one.diff, fate="kept", share=Metric(value=0.25, low=0.2, high=0.3)),
        Hunk(number=2, diff=two.diff, fate="kept", share=Metric(value=0.75, low=0.7, high=0.8)),
        Hunk(number=3, diff=three.diff, fate="dropped"),
    )
    gain = Metric(value=1.01, low=0.99, high=1.03)
    trial = Tried(code_sha="0" * 64, left_out=(3,), verdict="as-good", gain=gain)
    known: dict[str, object] = {
        "ordinal": 1,
        "minimal": 2,
        "hunks": hunks,
        "trials": (trial,),
        "scale": "ratio",
        "evaluations": 9,
        "ended": "done",
    }
    return Minimisation.model_validate({**known, **changes})


async def test_shares_stand_beside_the_lines_and_what_can_go_says_why(browser: Browser, store: SqlStore) -> None:
    named = await kernel(store, WINNER, WINNER.replace("s + 0", "s"))
    await confirm(store, named, 1)
    await store.save_document(named, document_name(1), minimisation())
    twin = (await browser.get(f"/c/{named}/1.json")).json()
    found = twin["minimised"]
    assert [(one["number"], one["told"]) for one in found["kept"]] == [(2, "75 % [70, 80]"), (1, "25 % [20, 30]")]
    (gone,) = found["dropped"]
    assert gone["note"] == "as good without it: 1.01 [0.99, 1.03] times as fast as the winner in the same rounds"
    assert (found["winner"], found["minimal"], twin["compared"]["choice"]) == (1, 2, "seed")
    page = (await browser.get(f"/c/{named}/1")).text
    beside = re.findall(r'<td class="hk"><a href="#hunk-(\d)"[^>]*>([^<]+)', page)
    assert beside == [("1", "25%"), ("2", "75%"), ("3", "not needed")]
    assert 'class="a idle"' in page
    assert gone["note"] in page
    parent = (await browser.get(f"/c/{named}/1?against=2")).text
    assert 'class="hk"' not in parent, "shares are of the gain over the seed"
    assert "75 % [70, 80]" in parent


async def test_what_is_left_shows_the_shares_too(browser: Browser, store: SqlStore) -> None:
    """Also where the program was there before: its parent is not the winner then."""
    named = await kernel(store, WINNER, WINNER.replace("s + 0", "s"))
    await confirm(store, named, 1, 2)
    await store.save_document(named, document_name(1), minimisation())
    page = (await browser.get(f"/c/{named}/2")).text
    assert "What is left of" in page
    assert re.findall(r'<td class="hk"><a href="#hunk-(\d)"', page) == ["1", "2"]
    assert (await browser.get(f"/c/{named}/0.json")).json()["minimised"] is None


@pytest.mark.parametrize("ended", ["", "its time is used"])
async def test_an_unfinished_one_says_how_to_go_on(browser: Browser, store: SqlStore, ended: str) -> None:
    named = await kernel(store, WINNER)
    await confirm(store, named, 1)
    await store.save_document(named, document_name(1), minimisation(minimal=None, ended=ended))
    page = (await browser.get(f"/c/{named}/1")).text
    assert f"nightforge minimise {named}.1" in page


lines = st.lists(st.sampled_from(["a = 1", "b = 2", "c = 3", "", "  d(4)"]), max_size=12).map(
    lambda found: "".join(f"{one}\n" for one in found)
)


@given(lines, lines)
def test_every_changed_line_has_its_hunk(seed: str, program: str) -> None:
    changes = changes_between(seed, program)
    document = Minimisation(ordinal=1, hunks=tuple(Hunk(number=one.number, diff=one.diff) for one in changes))
    view = minimised_view("a", document)
    if view is None:
        assert seed == program
        return
    found = beside_lines(view, seed, program)
    before, after = seed.splitlines(), program.splitlines()
    told: dict[int, list[str]] = {}
    for (mark, line), one in found.items():
        text = before[line - 1] if mark == "-" else after[line - 1]
        told.setdefault(one.hunk.number, []).append(f"{mark}{text.rstrip()}")
    assert {number: "\n".join(text) for number, text in told.items()} == {one.number: one.diff for one in changes}
    firsts = [one.hunk.number for one in found.values() if one.is_first]
    assert sorted(firsts) == [one.number for one in changes]
