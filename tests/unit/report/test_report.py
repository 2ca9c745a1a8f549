"""What a report says of a campaign, made from a real store."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable

import pytest
from rich.console import Console

from nightforge.domain.duel import Duels
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.plan import ModelSpec, Plan
from nightforge.domain.task import Objective
from nightforge.domain.team import Analysis
from nightforge.domain.words import CampaignState, CandidateState, Direction, OperatorKind, SandboxTier, TeamKind
from nightforge.errors import NotFound
from nightforge.registry import REPORT_SECTIONS, registered
from nightforge.report import ReportData, build_report, gather
from nightforge.report.data import ranked_for_people
from nightforge.report.markdown import to_markdown
from nightforge.report.model import Table
from nightforge.report.terminal import print_report
from nightforge.store import SqlStore

Scene = Callable[..., Awaitable[ReportData]]
EvidenceMaker = Callable[..., Evidence]

WON = (1.25, 1.24, CandidateState.CONFIRMED)
CLOSE = (1.06, 1.02, CandidateState.CONFIRMED)
BROKEN = (None, None, CandidateState.REJECTED)


def terminal(data: ReportData, width: int = 160) -> str:
    stream = io.StringIO()
    print_report(build_report(data), Console(file=stream, width=width, highlight=False, markup=False, emoji=False))
    return stream.getvalue()


async def test_a_confirmed_gain_is_the_headline(scene: Scene) -> None:
    data = await scene(WON, BROKEN)
    report = build_report(data)
    ref = f"{data.campaign.campaign_id}.1"
    assert report.headline == (
        "Found 1.24 times the strongest baseline (C fast-math), confirmed, 95 % interval 1.21 to 1.27: "
        f"candidate {ref}, threads = 1."
    )
    assert data.winner is not None
    assert data.winner.ref == ref


async def test_every_section_of_the_issue_is_there(scene: Scene) -> None:
    report = build_report(await scene(WON, BROKEN))
    assert [section.name for section in report.sections] == [
        "ideas",
        "ranked",
        "progress",
        "gains",
        "room",
        "diff",
        "belief",
        "cost",
        "failures",
        "operators",
        "next",
        "reproduce",
    ]
    assert set(registered(REPORT_SECTIONS)) >= {section.name for section in report.sections}


async def test_the_table_tells_confirmed_from_measured_by_shape_and_word(scene: Scene) -> None:
    text = to_markdown(build_report(await scene(WON, (1.1, None, CandidateState.MEASURED))))
    assert "| 1 |" in text
    assert "▲ confirmed | 1.24 \\[1.21, 1.27\\] | 1.25 \\[1.22, 1.28\\]" in text
    assert "● measured | - | 1.10 \\[1.07, 1.13\\]" in text


async def test_who_won_the_duel_leads_everywhere_and_is_explained(scene: Scene, store: SqlStore) -> None:
    best, winner = WON, (1.2, 1.2, CandidateState.CONFIRMED)
    campaign_id = (await scene(best, winner)).campaign.campaign_id
    assert [one.ordinal for one in ranked_for_people(store, campaign_id, limit=2)] == [1, 2]
    assert "leads" not in to_markdown(build_report(gather(store, campaign_id)))
    await store.save_document(campaign_id, "duels", Duels(champion=2))
    assert [one.ordinal for one in ranked_for_people(store, campaign_id, limit=1)] == [2]
    text = to_markdown(build_report(gather(store, campaign_id)))
    assert f"{campaign_id}.2 leads {campaign_id}.1: measured in turns" in text


async def test_a_star_stands_beside_the_state(scene: Scene, store: SqlStore) -> None:
    campaign_id = (await scene(WON, (1.1, None, CandidateState.MEASURED))).campaign.campaign_id
    await store.mark_candidate(campaign_id, 2, starred=True, discarded=None, owner="ada")
    text = to_markdown(build_report(gather(store, campaign_id)))
    assert "● measured ★ | - | 1.10" in text
    assert "▲ confirmed | 1.24" in text


async def test_a_suspicious_candidate_has_no_rank_and_no_confirmed_value(scene: Scene) -> None:
    text = to_markdown(build_report(await scene(WON, (1.9, 1.01, CandidateState.SUSPICIOUS))))
    (row,) = [line for line in text.splitlines() if "⚠ suspicious" in line]
    assert row.startswith("| - |")
    assert "1.01" not in row
    assert "failed the confirmation (⚠): 1" in text


async def test_those_held_out_long_ago_are_told_and_counted(scene: Scene) -> None:
    """Eleven, before 200 that were only measured: the newest ten are shown, all are counted."""
    held_out = [(1.9, 1.01, CandidateState.SUSPICIOUS)] * 11
    text = to_markdown(build_report(await scene(*held_out, *[(1.1, None, CandidateState.MEASURED)] * 200)))
    assert len([line for line in text.splitlines() if line.startswith("|") and "⚠ suspicious" in line]) == 10
    assert "failed the confirmation (⚠): 11" in text


async def test_a_number_is_that_of_its_state_and_a_re_measurement_in_vain_is_said(scene: Scene) -> None:
    data = await scene((1.06, 1.02, CandidateState.MEASURED))
    text = to_markdown(build_report(data))
    text = text[text.index("## Ranked candidates") :]
    (row,) = [line for line in text.splitlines() if line.startswith(f"| 1 | {data.campaign.campaign_id}.1 ")]
    assert "| ● measured | - | 1.06 \\[1.03, 1.09\\] |" in row
    assert "1.02" not in row
    assert (
        f"- {data.campaign.campaign_id}.1: tiles of 512; re-measured at 1.02 \\[0.99, 1.05\\] x: not confirmed" in text
    )
    assert f"re-measured gain of {data.campaign.campaign_id}.1" in text


async def test_gains_stand_beside_every_baseline(scene: Scene) -> None:
    text = to_markdown(build_report(await scene(WON)))
    assert "| C fast-math (reference) | 1 \\[1, 1\\] | 1.24 \\[1.21, 1.27\\] x |" in text
    assert "| numpy | 0.550 \\[0.550, 0.550\\] | 2.25 \\[2.20, 2.31\\] x |" in text
    assert "not measured: torch is not installed" in text


@pytest.mark.parametrize(("direction", "gain"), [(Direction.MAX, "+2"), (Direction.MIN, "-2")])
async def test_a_gain_without_ratio_is_positive_where_it_is_better(
    scene: Scene, plan: Plan, calibration: Calibration, direction: Direction, gain: str
) -> None:
    planned = plan.model_copy(update={"objectives": (Objective(metric="speedup", unit="m", direction=direction),)})
    data = await scene((3.0, 3.0, CandidateState.CONFIRMED), planned=planned)
    (table, *_) = build_report(data).only("gains").sections[0].blocks
    assert isinstance(table, Table)
    assert table.rows[0][-1] == f"{gain} m"


@pytest.mark.parametrize(
    ("half", "distinguishable"),
    [(0.25, True), (0.03, False)],
    ids=["the interval reaches into the band", "the evaluator saw no difference"],
)
async def test_a_gain_in_the_noise_is_no_result(scene: Scene, half: float, distinguishable: bool) -> None:
    data = await scene(WON, half=half, distinguishable=distinguishable)
    assert data.winner is None
    assert build_report(data).headline.startswith("No gain over C fast-math")


async def test_an_honest_no_gain_names_interval_band_room_and_attempts(scene: Scene) -> None:
    data = await scene(CLOSE, (1.03, None, CandidateState.MEASURED), BROKEN)
    report = build_report(data)
    assert report.headline == (
        "No gain over C fast-math that this machine can tell apart: the closest gives 1.02 x, 95 % interval "
        "0.99 to 1.05 (confirmed); a gain counts from 1.04 x; the room is at most 3.20 x, threads = 1."
    )
    text = to_markdown(report)
    assert "Closest distinct attempts" in text
    assert f"{data.campaign.campaign_id}.2 (rewrite.2) 1.03" in text
    assert "nightforge resume" in text


async def test_where_nothing_passed_it_says_so(scene: Scene) -> None:
    report = build_report(await scene(BROKEN, BROKEN))
    assert report.headline == "No gain: no candidate passed every stage."
    assert "wrong\\_output | 2" in to_markdown(report)


@pytest.mark.parametrize("discarded", [False, True])
async def test_what_was_measured_is_not_called_unmeasured(scene: Scene, store: SqlStore, discarded: bool) -> None:
    """Dropped while it was measured, suspicious or discarded is not `no candidate passed every stage`."""
    data = await scene(BROKEN, (1.3, 0.2, CandidateState.SUSPICIOUS), (1.2, None, CandidateState.MEASURED))
    named = data.campaign.campaign_id
    if discarded:
        await store.mark_candidate(named, 3, discarded=True, owner="ann")
        assert build_report(gather(store, named)).headline == (
            "No gain: of 3 candidates beside the seed 1 was held out as suspicious and 1 was discarded by a person; "
            "none of the others passed every stage."
        )
    else:
        assert "(measured only)" in build_report(gather(store, named)).headline


async def test_what_was_dropped_early_is_said(scene: Scene, store: SqlStore, make_evidence: EvidenceMaker) -> None:
    data = await scene(BROKEN, state=CampaignState.RUNNING)
    named = data.campaign.campaign_id
    for ordinal in (2, 3):
        await store.open_candidate(named, ordinal, parents=[0])
        await store.save_code(named, ordinal, f"// {ordinal}\n", attempt=0, operator=OperatorKind.REWRITE)
        await store.save_evidence(named, ordinal, make_evidence(None, tier=SandboxTier.BUBBLEWRAP), attempt=0)
        await store.finish_candidate(named, ordinal, CandidateState.REJECTED, reason="raced_out")
    await store.set_campaign_state(named, CampaignState.FINISHED, reason="budget:evaluations")
    assert build_report(gather(store, named)).headline == (
        "No gain: of 3 candidates beside the seed 2 were dropped while being measured, as worse; "
        "none of the others passed every stage."
    )


async def test_room_smaller_than_the_band_asks_for_another_goal(scene: Scene, calibration: Calibration) -> None:
    data = await scene(CLOSE, measured_as=calibration.model_copy(update={"room": 1.03}))
    assert data.room_is_small
    assert "another goal: the room here is smaller" in to_markdown(build_report(data))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (CampaignState.RUNNING, "Still running: nothing is confirmed yet; the best is measured at 1.10"),
        (CampaignState.PAUSED, "Paused: nothing is confirmed yet; the best is measured at 1.10"),
        (CampaignState.FAILED, "Failed, and nothing was found: rehearsal: zeros.c passed"),
    ],
)
async def test_an_unfinished_campaign_promises_nothing(scene: Scene, state: CampaignState, words: str) -> None:
    data = await scene((1.1, None, CandidateState.MEASURED), state=state, reason="rehearsal: zeros.c passed")
    assert build_report(data).headline.startswith(words)


async def test_one_whose_process_is_gone_is_not_called_running(scene: Scene) -> None:
    report = build_report(await scene(WON, state=CampaignState.RUNNING, alive=False))
    assert report.headline.startswith("Paused, its process is gone. Found 1.24 times")
    assert report.state.endswith("paused")


async def test_the_diff_goes_from_the_seed_to_the_best(scene: Scene) -> None:
    data = await scene(WON)
    assert data.top_diff.splitlines()[:2] == [
        f"--- {data.campaign.campaign_id}.0",
        f"+++ {data.campaign.campaign_id}.1",
    ]
    assert "+// 1" in data.top_diff


async def test_the_offline_team_says_that_no_model_was_used(scene: Scene) -> None:
    assert "no model was used" in to_markdown(build_report(await scene(WON)))


async def test_a_model_campaign_names_models_and_money(scene: Scene, plan: Plan) -> None:
    planned = plan.model_copy(update={"team": TeamKind.LLM, "models": (ModelSpec(model="m-1"),)})
    text = to_markdown(build_report(await scene(WON, planned=planned)))
    assert "models: m-1; 0 calls" in text
    assert "no model was used" not in text


async def test_without_a_sandbox_every_form_of_the_report_warns(scene: Scene) -> None:
    data = await scene(WON, tier=SandboxTier.UNSAFE_LOCAL)
    assert "WITHOUT A SANDBOX" in to_markdown(build_report(data))
    assert "WITHOUT A SANDBOX" in terminal(data)


async def test_the_analyst_has_its_place_and_no_number_of_its_own(scene: Scene, store: SqlStore) -> None:
    data = await scene(WON)
    campaign_id = data.campaign.campaign_id
    analysis = Analysis(summary="Tiling helped.", next_steps=("wider vectors",), lessons=("tiles of 512 fit",))
    await store.save_document(campaign_id, "analysis", analysis)
    report = build_report(gather(store, campaign_id))
    (section,) = report.only("next").sections
    text = section.model_dump_json()
    assert "Tiling helped." in text
    assert "wider vectors" in text
    assert "tiles of 512 fit" in text


async def test_a_hostile_note_cannot_steer_a_terminal_or_become_markup(scene: Scene) -> None:
    data = await scene(WON, note="\x1b]0;owned\x07 \u202e<img src=x> | ```\n# head [bold]x[/bold]")
    shown = terminal(data)
    assert "\x1b]" not in shown
    assert "\u202e" not in shown
    assert "[bold]x[/bold]" in shown
    text = to_markdown(build_report(data))
    assert "\u202e" not in text
    assert "\\<img src=x> \\| \\`\\`\\` # head" in text


async def test_a_diff_cannot_close_its_fence(scene: Scene, store: SqlStore) -> None:
    data = await scene(WON)
    campaign_id = data.campaign.campaign_id
    await store.open_candidate(campaign_id, 2, parents=[0])
    source = "````\n# Found 9 times\n````\n"
    await store.save_code(campaign_id, 2, source, attempt=0, operator=None)
    hostile = build_report(data).model_copy(deep=True)
    (section,) = hostile.only("diff").sections
    changed = section.model_copy(update={"blocks": (section.blocks[0].model_copy(update={"text": source}),)})
    text = to_markdown(hostile.model_copy(update={"sections": (changed,)}))
    assert text.count("`````") == 2


async def test_a_narrow_terminal_keeps_rank_state_and_confirmed_value(scene: Scene) -> None:
    data = await scene(WON)
    shown = terminal(data, width=70)
    assert "▲ confirmed" in shown
    assert "1.24 [1.21, 1.27]" in shown
    assert "cpu" not in shown.split("Gain over")[0]
    assert "cpu" in terminal(data, width=160).split("Gain over")[0]


async def test_bullets_hang_and_nothing_is_broken_inside_a_word(scene: Scene) -> None:
    lines = terminal(await scene(WON), width=60).splitlines()
    first = next(place for place, line in enumerate(lines) if "was measured again in a fresh process" in line)
    assert lines[first].startswith("- ")
    assert lines[first + 1].startswith("  ")
    assert any(line == "- ended by: the cap on evaluations" for line in lines)


def test_an_unknown_campaign_is_not_found(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        gather(store, "nobody")
