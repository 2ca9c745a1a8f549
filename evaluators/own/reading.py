"""What a command printed, as numbers or as an answer to compare: strict, bounded, every doubt named with its mend."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from evaluators.own.spec import Measure
from nightforge.domain.evidence import Metric
from nightforge.domain.limits import ExecResult

MOST_SHOWN = 1500
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:inf(?:inity)?|nan)\b", re.IGNORECASE)


class BadMeasure(Exception):
    """A measure that gave no one number. `reason` is a word for counting."""

    def __init__(self, reason: str, said: str, mend: str) -> None:
        super().__init__(f"{said} ({mend})")
        self.reason = reason
        self.said = said
        self.mend = mend


def read_metrics(result: ExecResult, measure: Measure) -> dict[str, Metric]:
    """The metrics that a command gave, the one of the objective among them. Raises BadMeasure."""
    if measure.read == "exit":
        return {measure.metric: Metric(value=float(result.exit_code or 0), unit=measure.unit)}
    text = result.stdout.decode("utf-8", errors="replace")
    if not text.strip():
        raise BadMeasure(
            "no_metric",
            "the measure printed nothing",
            f"let it print {_wanted(measure)} to standard output (what goes to standard error is not read)",
        )
    found = _by_pattern(text, measure) if measure.read == "pattern" else _json_lines(text, measure)
    if measure.metric not in found:
        raise BadMeasure(
            "no_metric",
            f"no {measure.metric!r} among what was printed: {', '.join(found) or shortened(text)}",
            f"let it print {_wanted(measure)}",
        )
    return found


def _wanted(measure: Measure) -> str:
    if measure.read == "pattern":
        return f"one line that the pattern {measure.pattern!r} finds"
    return f'a line as {{"{measure.metric}": 1.25}}'


def _by_pattern(text: str, measure: Measure) -> dict[str, Metric]:
    matches = [match[1] for match in re.finditer(measure.pattern, text, re.MULTILINE)]
    if not matches:
        raise BadMeasure(
            "no_metric",
            f"the pattern {measure.pattern!r} finds nothing in: {shortened(text)}",
            "mend measure.pattern, with one group around the number",
        )
    if len(matches) > 1:
        raise BadMeasure(
            "two_numbers",
            f"the pattern {measure.pattern!r} finds {len(matches)} numbers: {', '.join(matches[:4])}",
            "make the pattern fit one line only, or print the number once",
        )
    return {measure.metric: _metric(measure.metric, matches[0], measure.unit)}


def _json_lines(text: str, measure: Measure) -> dict[str, Metric]:
    """Objects as `{"seconds": 1.5}` or `{"metric": "seconds", "value": 1.5, "unit": "s"}`; other lines are talk."""
    found: dict[str, Metric] = {}
    for line in text.splitlines():
        for name, value, unit in _pairs(line.strip()):
            if name in found and found[name].value != value:
                raise BadMeasure(
                    "two_numbers", f"{name!r} was printed twice, with different values", "print each metric once"
                )
            found[name] = _metric(name, value, unit or (measure.unit if name == measure.metric else ""))
    if not found:
        raise BadMeasure("text", f"no line is a JSON object: {shortened(text)}", f"let it print {_wanted(measure)}")
    return found


def _pairs(line: str) -> Iterator[tuple[str, object, str]]:
    if not line.startswith("{"):
        return
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(values.get("metric"), str) and "value" in values:
        yield values["metric"], values["value"], str(values.get("unit", ""))
        return
    for name, value in values.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, value, ""


def _metric(name: str, value: object, unit: str) -> Metric:
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        raise BadMeasure(
            "text", f"{name} is {shortened(str(value))!r}, which is no number", "print the bare number"
        ) from None
    if not math.isfinite(number):
        raise BadMeasure(
            "not_finite",
            f"{name} is {shortened(str(value))}",
            "print a finite number, and end with an exit code above 0 where there is none",
        )
    return Metric(value=number, unit=unit)


def answer_of(result: ExecResult, measure: Measure) -> dict[str, str]:
    """What the command answered: its standard output and the files named, without what is to be ignored."""
    found = {"standard output": result.stdout, **result.outputs}
    return {name: _without(data.decode("utf-8", errors="surrogateescape"), measure) for name, data in found.items()}


def _without(text: str, measure: Measure) -> str:
    for pattern in measure.ignore:
        text = re.sub(pattern, "", text, flags=re.MULTILINE)
    return text


def first_difference(expected: Mapping[str, str], got: Mapping[str, str], tolerance: float) -> str:
    """Where an answer departs from the expected one, in words; empty where it does not."""
    for name, text in expected.items():
        if name not in got:
            return f"{name} was not written"
        if text == got[name]:
            continue
        wrong = _different(text, got[name], tolerance)
        if wrong:
            return f"{name}: {wrong}"
    return ""


def _different(expected: str, got: str, tolerance: float) -> str:
    before, after = expected.split("\n"), got.split("\n")
    for number, (left, right) in enumerate(zip(before, after, strict=False), 1):
        if left != right and not (tolerance and _close(left, right, tolerance)):
            return f"line {number} is {shortened(right, 120)!r} and should be {shortened(left, 120)!r}"
    if len(before) != len(after):
        return f"{len(after)} lines instead of {len(before)}"
    return ""


def _close(left: str, right: str, tolerance: float) -> bool:
    """Equal but for numbers, and those near to each other; a NaN is near nothing."""
    if _NUMBER.sub("#", left) != _NUMBER.sub("#", right):
        return False
    pairs: Sequence[tuple[str, str]] = list(zip(_NUMBER.findall(left), _NUMBER.findall(right), strict=True))
    return all(
        one == other or abs(float(one) - float(other)) <= tolerance * max(abs(float(one)), abs(float(other)))
        for one, other in pairs
    )


def shortened(text: str, limit: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def words_of(result: ExecResult) -> str:
    """The end of what a command said, for its author: standard error last, where compilers and tests say why."""
    parts = [data.decode("utf-8", errors="replace").strip() for data in (result.stdout, result.stderr)]
    text = "\n".join(part for part in parts if part)
    return text if len(text) <= MOST_SHOWN else "…" + text[-MOST_SHOWN:]
