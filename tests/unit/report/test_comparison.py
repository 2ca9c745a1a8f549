"""A comparison's table claims no more than its seeds can show; its plot stays inside its frame."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from nightforge.domain.comparison import Cell, ComparisonSpec, Curve, Run, Step, Summary
from nightforge.report.comparison_plot import HEIGHT, WIDTH, draw
from nightforge.report.comparison_text import comparison_text
from workflows.comparison_summary import standing

SVG = "{http://www.w3.org/2000/svg}"
POLICIES = ("evolve", "random", "best-of-n", "hill-climb", "ga", "tpe")


def run(policy: str, seed: int, value: float) -> Run:
    return Run(
        cell=Cell(policy=policy, seed=seed, campaign_id=f"{policy}-{seed}", done=True),
        steps=(Step(evaluations=1, seconds=1.0, dollars=0.0, best=value),),
        evaluations=4,
        seconds=8.0,
        dollars=0.0,
        measured=value,
        confirmed=value,
    )


def spec(seeds: int, policies: Sequence[str] = POLICIES) -> ComparisonSpec:
    return ComparisonSpec(
        goal="g",
        task="toy-peak",
        policies=tuple(policies),
        seeds=tuple(range(seeds)),
        evaluations=4,
    )


def summary(seeds: int, *, lead: float) -> Summary:
    policies = POLICIES[:2]
    runs = [
        run(policy, seed, 10.0 + 0.1 * seed + (lead if policy == "random" else 0.0))
        for policy in policies
        for seed in range(seeds)
    ]
    standings = tuple(standing(policy, "evolve", runs, "confirmed", "m") for policy in policies)
    return Summary(spec=spec(seeds, policies), unit="m", paired_by="confirmed", standings=standings, runs=tuple(runs))


@pytest.mark.parametrize("seeds", [1, 2, 4])
def test_few_seeds_tell_no_difference(seeds: int) -> None:
    """Equal policies give four differences of one sign in one case of eight: no interval may make a claim of that."""
    found = summary(seeds, lead=5.0)
    assert not found.standings[1].distinguishable
    assert "too few seeds to tell" in comparison_text(found)


def test_five_seeds_tell_a_clear_one() -> None:
    found = summary(5, lead=5.0)
    assert found.standings[1].distinguishable
    assert "too few" not in comparison_text(found).splitlines()[4]
    assert "not distinguishable" in comparison_text(summary(5, lead=0.0))


def test_every_line_lies_within_its_panel_and_early_ends_go_on() -> None:
    early = Curve(policy="tpe", places=(1, 2), mean=(1.0, 3.0), low=(1.0, 2.0), high=(1.0, 4.0))
    whole = [
        Curve(policy=policy, places=(1, 2, 3, 4), mean=(1.0, 1.0, 2.0, 2.5), low=(1.0,) * 4, high=(1.0, 2.0, 3.0, 3.5))
        for policy in POLICIES[:-1]
    ]
    drawn = draw(
        Summary(spec=spec(5), unit="m", paired_by="confirmed", standings=(), curves={"evaluations": (*whole, early)}),
        y_title="height [m]",
    )
    plot = ElementTree.fromstring(drawn)
    assert len(plot.findall(f".//{SVG}polyline")) == len(plot.findall(f".//{SVG}circle")) == 6
    assert len([line for line in plot.findall(f".//{SVG}line") if line.get("stroke-dasharray")]) == 1
    for shape in (*plot.findall(f".//{SVG}polyline"), *plot.findall(f".//{SVG}polygon")):
        for point in str(shape.get("points")).split():
            x, y = map(float, point.split(","))
            assert 0 < x < WIDTH
            assert 0 < y < HEIGHT
    legend = [text for text in plot.findall(f".//{SVG}text") if text.text in POLICIES]
    assert len({(text.get("x"), text.get("y")) for text in legend}) == 6
    assert all(float(str(text.get("y"))) < float(str(plot.get("height"))) for text in legend)
