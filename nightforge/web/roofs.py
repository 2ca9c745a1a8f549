"""How near a kernel comes to what the machine can move or compute: the roof, measured before the campaign began."""

from __future__ import annotations

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Calibration, Metric
from nightforge.report.data import shown_evidence
from nightforge.report.text import clean_line, number
from nightforge.web.charts import Bar, draw_roof
from nightforge.web.pictures import Chart, Column

CLOCK, SHARE = "cpu_ms", "roof_pct"
ROOFS = {
    "bandwidth": (
        "It moves data at {share:.0f} % of what the memory gives",
        "The least traffic that the work needs, over the time that it took, against a copy of the same data.",
    ),
    "arithmetic": (
        "It computes at {share:.0f} % of what the core can",
        "The operations of the plain algorithm, over the time that it took, against the same arithmetic alone.",
    ),
}
"""By the calibration's roof: what is found, and what is drawn."""


def roof_chart(one: Candidate, calibration: Calibration | None) -> Chart | None:
    """The least work over the time it took, against the roof; None where the evaluator knows no such roof."""
    evidence = shown_evidence(one)
    if evidence is None or calibration is None:
        return None
    kind = next((kind for kind in ROOFS if kind in calibration.roof), "")
    roof, fastest, share = calibration.roof.get(kind), calibration.roof.get(CLOCK), evidence.metrics.get(SHARE)
    if roof is None or fastest is None or share is None:
        return None
    bars = [Bar(f".{one.ordinal}", roof.value * share.value / 100, is_own=True)]
    for baseline in calibration.baselines:
        took = baseline.metrics.get(CLOCK)
        if took is not None and took.value > 0:
            bars.append(Bar(clean_line(baseline.title or baseline.name)[:28], _achieved(roof, fastest, took)))
    found, drawn = ROOFS[kind]
    title = found.format(share=share.value)
    return Chart(
        name="roof",
        title=title,
        text=drawn,
        columns=(
            Column(title="program"),
            Column(title=f"{roof.unit}, at least", right=True),
            Column(title="of the roof", right=True),
        ),
        rows=tuple((bar.name, number(bar.value), f"{bar.value / roof.value:.0%}") for bar in bars),
        svg=draw_roof(bars, roof.value, unit=roof.unit, title=title),
    )


def _achieved(roof: Metric, fastest: Metric, took: Metric) -> float:
    """The same work in more time."""
    return roof.value * fastest.value / took.value
