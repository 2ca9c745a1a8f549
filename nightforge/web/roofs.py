"""How near a kernel comes to what the machine can move: the memory roof, measured before the campaign began."""

from __future__ import annotations

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Calibration, Metric
from nightforge.report.data import shown_evidence
from nightforge.report.text import clean_line, number
from nightforge.web.charts import Bar, draw_roof
from nightforge.web.pictures import Chart, Column

CLOCK, BANDWIDTH, SHARE = "cpu_ms", "bandwidth", "roof_pct"


def roof_chart(one: Candidate, calibration: Calibration | None) -> Chart | None:
    """The least traffic over the time it took, against the roof; None where the evaluator knows no such roof."""
    evidence = shown_evidence(one)
    if evidence is None or calibration is None:
        return None
    roof, fastest, share = calibration.roof.get(BANDWIDTH), calibration.roof.get(CLOCK), evidence.metrics.get(SHARE)
    if roof is None or fastest is None or share is None:
        return None
    bars = [Bar(f".{one.ordinal}", roof.value * share.value / 100, is_own=True)]
    for baseline in calibration.baselines:
        took = baseline.metrics.get(CLOCK)
        if took is not None and took.value > 0:
            bars.append(Bar(clean_line(baseline.title or baseline.name)[:28], _achieved(roof, fastest, took)))
    title = f"It moves data at {share.value:.0f} % of what the memory gives"
    return Chart(
        name="roof",
        title=title,
        text="The least traffic that the work needs, over the time that it took, against a copy of the same data.",
        columns=(
            Column(title="program"),
            Column(title=f"{roof.unit}, at least", right=True),
            Column(title="of the roof", right=True),
        ),
        rows=tuple((bar.name, number(bar.value), f"{bar.value / roof.value:.0%}") for bar in bars),
        svg=draw_roof(bars, roof.value, unit=roof.unit, title=title),
    )


def _achieved(roof: Metric, fastest: Metric, took: Metric) -> float:
    """The same traffic in more time."""
    return roof.value * fastest.value / took.value
