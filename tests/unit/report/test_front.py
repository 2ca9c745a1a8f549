"""The section on area and delay: the front, the hand designs, the picture beside the Markdown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.cli.report import write_markdown
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Constraint, Objective
from nightforge.domain.words import CandidateState, Direction, Outcome, Phase, SandboxTier
from nightforge.report import ReportData, build_report, gather
from nightforge.report.front import Design, front, make_front
from nightforge.report.front_plot import Drawn, draw_front
from nightforge.report.markdown import to_markdown
from nightforge.report.model import Picture, Table
from nightforge.store import SqlStore

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'Dadda <script>alert("x")</script> & sons'


def design(area: float, delay: float) -> Design:
    return Design(f"{area}/{delay}", Metric(value=area, unit="um2"), Metric(value=delay, unit="ns"))


positive = st.floats(min_value=0.1, max_value=1e6)


@given(st.lists(st.tuples(positive, positive), max_size=40))
def test_nothing_on_the_front_is_beaten_and_everything_else_is(places: list[tuple[float, float]]) -> None:
    designs = [design(*place) for place in places]
    edge = front(designs)

    def beaten(one: Design) -> bool:
        (area, delay) = one.place
        return any(o.place[0] <= area and o.place[1] <= delay and o.place != one.place for o in designs)

    assert not any(beaten(one) for one in edge)
    assert {one.place for one in designs if not beaten(one)} == {one.place for one in edge}


def figures(area: float, delay: float, phase: Phase, proof: str) -> Evidence:
    metrics = {
        "area_um2": Metric(value=area, unit="um2"),
        "delay_ns": Metric(value=delay, unit="ns"),
        "adp_um2_ns": Metric(value=area * delay, unit="um2*ns"),
    }
    if phase is Phase.CONFIRMATION:
        metrics["adp_um2_ns.osu018-loaded"] = Metric(value=2 * area * delay, unit="um2*ns")
    stages = (
        StageEvidence(stage="prove", outcome=Outcome.PASS, tools={"proof": proof}),
        StageEvidence(stage="map", outcome=Outcome.PASS, metrics=metrics),
    )
    return Evidence(tier=SandboxTier.BUBBLEWRAP, phase=phase, stages=stages)


Campaign = Callable[[], Awaitable[ReportData]]


@pytest.fixture
def campaign(store: SqlStore) -> Campaign:
    async def build() -> ReportData:
        plan = Plan(
            goal="a small multiplier",
            task="mul8",
            objectives=(Objective(metric="adp_um2_ns", unit="um2*ns", direction=Direction.MIN),),
            constraints=(Constraint(metric="delay_ns", relation="<=", bound=2.6, unit="ns"),),
            budget=Budget(evaluations=10),
        )
        opened = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
        hand = {"area_um2": Metric(value=10700.0, unit="um2"), "delay_ns": Metric(value=2.285, unit="ns")}
        baselines = (
            Baseline(name="dadda", title=HOSTILE, metrics=hand),
            Baseline(name="far", title="far off", metrics={**hand, "delay_ns": Metric(value=90.0, unit="ns")}),
        )
        calibration = Calibration(baselines=baselines, reference="dadda", noise=Metric(value=0.0), band=0.0)
        await store.save_document(opened.campaign_id, "calibration", calibration)
        places = [(11000.0, 2.8), (10400.0, 2.2), (10900.0, 2.05), (11500.0, 2.5)]
        for ordinal, (area, delay) in enumerate(places):
            await store.open_candidate(opened.campaign_id, ordinal, parents=[0] if ordinal else [])
            await store.save_code(opened.campaign_id, ordinal, f"// {ordinal}", attempt=0, operator=None)
            score = -area * delay
            found = figures(area, delay, Phase.SEARCH, "exhaustive")
            await store.save_evidence(opened.campaign_id, ordinal, found, attempt=0, score=score, score_low=score)
            await store.finish_candidate(opened.campaign_id, ordinal, CandidateState.MEASURED)
            if ordinal == 1:
                again = figures(area, delay, Phase.CONFIRMATION, "exhaustive")
                await store.save_confirmation(opened.campaign_id, ordinal, again, state=CandidateState.CONFIRMED)
        return gather(store, opened.campaign_id)

    return build


async def test_the_table_has_the_front_and_the_hand_designs(campaign: Campaign) -> None:
    section = make_front(await campaign())
    assert section is not None
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    names = [row[0].split(".")[-1] for row in table.rows]
    assert names == ["2", "1", HOSTILE, "far off"]
    confirmed = table.rows[1]
    assert confirmed[1:4] == ("10400", "2.200", "22880")
    assert confirmed[5] == "exhaustive"
    assert table.columns[-1].title == "area x delay, osu018-loaded"
    assert confirmed[-1] == "45760"
    assert table.rows[2][4] == "by hand"


async def test_the_picture_is_an_svg_in_which_no_name_is_markup(campaign: Campaign) -> None:
    section = make_front(await campaign())
    assert section is not None
    (picture,) = (block for block in section.blocks if isinstance(block, Picture))
    root = ElementTree.fromstring(picture.svg)
    assert len(root.findall(f"{SVG}circle")) >= 4
    assert len(root.findall(f"{SVG}rect[@class='hand']")) == 1, "the one that is far off stays in the table"
    assert not root.findall(f".//{SVG}script")
    texts = [text.text or "" for text in root.findall(f"{SVG}text")]
    assert any(text.startswith("Dadda <script>") for text in texts)
    assert "at most 2.6 ns" in texts
    assert "1 far off: in the table only" in texts


async def test_the_picture_lies_beside_the_markdown(campaign: Campaign, tmp_path: Path) -> None:
    report = build_report(await campaign())
    path = tmp_path / "night.md"
    write_markdown(path, report)
    assert "(night-front.svg)" in path.read_text()
    assert (tmp_path / "night-front.svg").read_text().startswith("<svg")
    assert ".svg" not in to_markdown(report)
    odd = tmp_path / "a (b].md"
    write_markdown(odd, report)
    assert ".svg" not in odd.read_text()
    assert not (tmp_path / "a (b]-front.svg").exists()


def test_one_design_makes_a_picture_too() -> None:
    drawn = Drawn(measured=((5.0, 2.0),), confirmed=(), hand=(), front=((5.0, 2.0),))
    assert ElementTree.fromstring(draw_front(drawn, title="one")).tag == f"{SVG}svg"


async def test_no_section_without_areas(scene: Callable[..., Awaitable[ReportData]]) -> None:
    data = await scene((1.5, 1.4, CandidateState.CONFIRMED))
    assert make_front(data) is None
    assert data.spread == ()
