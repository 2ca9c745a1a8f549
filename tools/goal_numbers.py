"""What a goal in plain words says in numbers and in names of hardware: sizes, types, budgets, gains.

`read_facts` is deterministic and knows no task. Every fact keeps the words it was read from; what was read is
blanked out, so that no word counts twice, and the rest is left for retrieval.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tools.goal_names import BLAS_PREFIXES, DTYPES, LANGUAGES, METRICS, PROCESSORS, RIVALS

OVERNIGHT_HOURS = 8.0

_WIDE = re.compile(r"(?:u?int|unsigned\s+)?(\d+)(?:[\s-]*bits?)?(?:\s+integers?)?", re.IGNORECASE)
"""The name of a number type that says no more than its bits."""
SizeUnit = Literal["elements", "bytes", "rows", "columns"]


@dataclass(frozen=True)
class Size:
    """A count; `other` is the second reading of an ambiguous one (64 MB is 64·10⁶ or 64·2²⁰ bytes)."""

    value: int
    unit: SizeUnit
    text: str
    other: int | None = None


@dataclass(frozen=True)
class Shape:
    dims: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Named:
    """A dtype, processor, language or metric by its canonical name."""

    value: str
    text: str


@dataclass(frozen=True)
class Number:
    value: float
    text: str


@dataclass
class GoalFacts:
    """All that was read; `rest` is the goal without the words that were understood."""

    sizes: list[Size] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    dtypes: list[Named] = field(default_factory=list)
    processors: list[Named] = field(default_factory=list)
    languages: list[Named] = field(default_factory=list)
    metrics: list[Named] = field(default_factory=list)
    rivals: list[Named] = field(default_factory=list)
    threads: list[Number] = field(default_factory=list)
    """0 stands for "many"."""
    tolerances: list[str] = field(default_factory=list)
    gains: list[Number] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    """Absolute run times ("under 5 ms"): no gain can be made of them before the baseline is measured."""
    bits: list[Number] = field(default_factory=list)
    """Widths of numbers and buses ("32-bit", "16 bits")."""
    areas: list[Number] = field(default_factory=list)
    """Of silicon, in mm2."""
    wall_s: list[Number] = field(default_factory=list)
    evaluations: list[Number] = field(default_factory=list)
    cost_usd: list[Number] = field(default_factory=list)
    tokens: list[Number] = field(default_factory=list)
    foreign_money: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """Numbers that no rule understood."""
    rest: str = ""

    @property
    def widths(self) -> tuple[Number, ...]:
        """What may be meant as bits of an operand: "32-bit", the 8 of "8x8", the 16 of "int16"."""
        square = [Number(one.dims[0], one.text) for one in self.shapes if len(one.dims) == 2 and len({*one.dims}) == 1]
        types = [(_WIDE.fullmatch(named.text), named.text) for named in self.dtypes]
        return (*self.bits, *square, *(Number(float(found[1]), text) for found, text in types if found))


_DIGITS = r"(?:\d{1,3}(?:[,_']\d{3})+(?!\d)|\d+(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)"
_POWER = r"(?:\d+\s*(?:\^|\*\*)\s*\d+|1\s*<<\s*\d+|\d+\s+to\s+the\s+(?:power\s+(?:of\s+)?)?\d+)"
_SCALE = r"(?:\s*(?:thousand|millions?|millionen|billion|mio|mln|bn|mi|ki|gi|k|m|g|b)(?![a-z]))?"
_BARE = rf"(?:{_POWER}|{_DIGITS}{_SCALE})"
_QUANTITY = rf"(?<![\w.]){_BARE}"
_SCALES = {
    "k": 10**3, "thousand": 10**3, "m": 10**6, "million": 10**6, "millions": 10**6, "millionen": 10**6,
    "mio": 10**6, "mln": 10**6, "g": 10**9, "b": 10**9, "bn": 10**9, "billion": 10**9,
    "ki": 2**10, "mi": 2**20, "gi": 2**30,
}  # fmt: skip
_BYTES = {"": (1, 1), "k": (10**3, 2**10), "m": (10**6, 2**20), "g": (10**9, 2**30)}
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_ONES = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()  # noqa: SIM905
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_COUNTED = (
    r"(?:thousand|million|billion|rows?|threads?|cores?|cpus?|minutes?|mins?|hours?|seconds?|days?|times|dollars?|cents?|"
    r"evaluations?|candidates?|experiments?|trials|columns?|floats?|elements?|numbers|megabytes?|gigabytes?|percent|fold)"
)
_SPELLED = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<unit>{'|'.join(_ONES[:9])}))?|(?P<one>{'|'.join(_ONES)})|"
    rf"(?P<half>half\s+an?)|(?P<a>an?))(?=[\s-]+{_COUNTED}\b)",
    re.IGNORECASE,
)
_ARTICLE_COUNTS = re.compile(r"[\s-]+(?:thousand|million|billion|minutes?|hours?|days?|dollars?)\b", re.IGNORECASE)


def read_facts(goal: str, *, now: datetime | None = None, machine: str = "x86_64") -> GoalFacts:
    """Read everything that a goal says in numbers and hardware names.

    `now` (zone-aware, local) is needed for "until 7"; without it such words are left unread. `machine` is the host's
    architecture as `platform.machine()` names it: there "ARM" or "x86" mean the processor at hand.
    """
    scan = _Scan(_spell_out(goal), GoalFacts(), now, machine.casefold())
    for rule in _RULES:
        rule(scan)
    scan.facts.rest = " ".join(scan.text.split())
    return scan.facts


def quantity(text: str) -> int | None:
    """16M, 16 million, 2^24, 1<<24, 16,777,216, 1e7 as an integer; None when it is none of them."""
    compact = text.strip().casefold()
    power = re.fullmatch(r"(\d+)\s*(?:\^|\*\*|to\s+the\s+(?:power\s+(?:of\s+)?)?)\s*(\d+)", compact)
    if power:
        base, exponent = int(power[1]), int(power[2])
        return base**exponent if base <= 1000 and exponent <= 64 else None
    shift = re.fullmatch(r"1\s*<<\s*(\d+)", compact)
    if shift:
        return 1 << int(shift[1]) if int(shift[1]) <= 64 else None
    plain = re.fullmatch(rf"({_DIGITS})\s*([a-z]*)", compact)
    if plain is None or (plain[2] and plain[2] not in _SCALES):
        return None
    return _whole(plain[1], _SCALES.get(plain[2], 1))


def _whole(digits: str, scale: int) -> int | None:
    value = _float(digits) * scale
    return round(value) if value < 1e18 else None


def _float(digits: str) -> float:
    return float(re.sub(r"[,_']", "", digits))


def _spell_out(goal: str) -> str:
    """Number words to digits where something is counted; "double", "twice" and their kin are rules of their own."""

    def digits(match: re.Match[str]) -> str:
        if match["half"]:
            return "0.5"
        if match["a"]:
            return "1" if _ARTICLE_COUNTS.match(goal, match.end()) else match.group()
        if match["one"]:
            return str(_ONES.index(match["one"].casefold()) + 1)
        tens = 20 + 10 * _TENS.index(match["tens"].casefold())
        return str(tens + (_ONES.index(match["unit"].casefold()) + 1 if match["unit"] else 0))

    return _SPELLED.sub(digits, goal)


class _Scan:
    """The goal under way: rules take what they understand out of `text`."""

    def __init__(self, text: str, facts: GoalFacts, now: datetime | None, machine: str) -> None:
        self.text = text
        self.facts = facts
        self.now = now
        self.machine = machine

    def take(self, pattern: str, use: Callable[[re.Match[str]], bool]) -> None:
        """Call `use` on every match; where it answers True the words are taken out.

        One blank stays in their place: runs of blanks would make the rules after it slow.
        """
        kept, end = [], 0
        for match in re.finditer(pattern, self.text, re.IGNORECASE):
            if use(match):
                kept.append(self.text[end : match.start()])
                end = match.end()
        self.text = " ".join(" ".join([*kept, self.text[end:]]).split())


def _money(scan: _Scan) -> None:
    def dollars(match: re.Match[str]) -> bool:
        scan.facts.cost_usd.append(Number(_float(match["n"]), match.group().strip()))
        return True

    def cents(match: re.Match[str]) -> bool:
        scan.facts.cost_usd.append(Number(_float(match["n"]) / 100, match.group().strip()))
        return True

    def foreign(match: re.Match[str]) -> bool:
        scan.facts.foreign_money.append(match.group().strip())
        return True

    scan.take(rf"(?:US)?\$\s*(?P<n>{_DIGITS})(?:\s*(?:usd|dollars?))?", dollars)
    scan.take(rf"(?<![\w.])(?P<n>{_DIGITS})\s*(?:US)?(?:\$|dollars?\b|usd\b|bucks?\b)", dollars)
    scan.take(rf"(?<![\w.])(?P<n>{_DIGITS})\s*cents?\b", cents)
    scan.take(rf"[€£¥]\s*{_DIGITS}|(?<![\w.]){_DIGITS}\s*(?:€|£|¥|euros?\b|eur\b|pounds?\b|gbp\b|yen\b)", foreign)


def _durations(scan: _Scan) -> None:
    budget_words = (
        r"(?P<lead>\b(?:for|within|spend|budget(?:\s+of)?|search(?:ing)?|up to|in|at most|under|max(?:imum)?)\s+)?"
    )

    def duration(match: re.Match[str]) -> bool:
        unit = match["unit"].casefold()[0]
        lead = (match["lead"] or "").casefold().split()
        if unit == "s" and not set(lead) & {"for", "within", "spend", "budget", "search", "searching"}:
            scan.facts.times.append(match.group().strip())
        else:
            scan.facts.wall_s.append(Number(_float(match["n"]) * _SECONDS[unit], match.group().strip()))
        return True

    def latency(match: re.Match[str]) -> bool:
        scan.facts.times.append(match.group().strip())
        return True

    def overnight(match: re.Match[str]) -> bool:
        scan.facts.wall_s.append(Number(OVERNIGHT_HOURS * 3600, match.group().strip()))
        return True

    number = rf"(?<![\w.])(?P<n>{_DIGITS})[\s-]*"
    scan.take(rf"{number}(?:ms|milliseconds?|us|µs|microseconds?|ns|nanoseconds?)\b", latency)
    scan.take(rf"{budget_words}{number}(?P<unit>hours?|hrs?|h|minutes?|mins?|seconds?|secs?|s|days?)\b", duration)
    _clock_times(scan)
    scan.take(
        r"\b(?:overnight|over\s*night|(?:all|the|through the|during the)\s+night|tonight|"
        r"(?:un)?till?\s+(?:the\s+)?morning)\b",
        overnight,
    )


def _clock_times(scan: _Scan) -> None:
    def until(match: re.Match[str]) -> bool:
        hour, minute = int(match["h"]), int(match["m"] or 0)
        half = (match["half"] or "").casefold().replace(".", "")
        if half:
            hour = hour % 12 + (12 if half == "pm" else 0)
        if scan.now is None or hour > 23 or minute > 59:
            return False
        end = scan.now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if end <= scan.now:
            end += timedelta(days=1)
        scan.facts.wall_s.append(Number((end - scan.now).total_seconds(), match.group().strip()))
        return True

    suffix = r"(?::(?P<m>\d\d))?\s*(?P<half>[ap]\.?m\.?)?(?:\s*o'?clock)?"
    scan.take(rf"\b(?:until|till|til)\s+(?P<h>\d{{1,2}}){suffix}(?!\w)", until)
    scan.take(r"\bby\s+(?P<h>\d{1,2})(?::(?P<m>\d\d))?\s*(?P<half>[ap]\.?m\.?)(?!\w)", until)


def _counts_of_work(scan: _Scan) -> None:
    def evaluations(match: re.Match[str]) -> bool:
        return _keep(scan.facts.evaluations, match)

    def tokens(match: re.Match[str]) -> bool:
        return _keep(scan.facts.tokens, match)

    scan.take(
        rf"(?P<q>{_QUANTITY})[\s-]*(?:evaluations?|evals?|candidates?|tries|attempts?|experiments?|trials?)\b",
        evaluations,
    )
    scan.take(rf"(?P<q>{_QUANTITY})[\s-]*tokens?\b(?!\s+(?:of|long|context|sequence))", tokens)


def _keep(numbers: list[Number], match: re.Match[str]) -> bool:
    value = quantity(match["q"])
    if value is None:
        return False
    numbers.append(Number(value, match.group().strip()))
    return True


def _tolerances(scan: _Scan) -> None:
    def tolerance(match: re.Match[str]) -> bool:
        scan.facts.tolerances.append(match.group().strip())
        return True

    amount = r"(?:10\s*\^?\s*-\s*\d+|(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?)\s*%?"
    scan.take(
        rf"\b(?:(?:relative|absolute|max(?:imum)?|rounding)\s+)?(?:errors?|tolerances?|accuracy|accurate|precise|precision|atol|rtol)"
        rf"\s*(?:of|below|under|within|to|up to|less than|at most|better than|=|<=?|≤)?\s*{amount}(?!\w)",
        tolerance,
    )
    scan.take(rf"(?<![\w.]){amount}\s*(?:relative\s+|absolute\s+)?(?:error|tolerance|accuracy)\b", tolerance)
    scan.take(rf"(?<![\w.]){_DIGITS}\s*ulps?\b", tolerance)
    scan.take(r"\bbit(?:wise)?[\s-]*(?:exact(?:ly)?|identical|reproducible|for[\s-]bit)\b|\bbitwise\b", tolerance)


def _areas(scan: _Scan) -> None:
    def area(match: re.Match[str]) -> bool:
        scan.facts.areas.append(Number(_float(match["n"]), match.group().strip()))
        return True

    scan.take(rf"(?<![\w.])(?P<n>{_DIGITS})\s*(?:mm2|mm²|mm\^2|square\s+millimet(?:er|re)s?)(?!\w)", area)


def _gains(scan: _Scan) -> None:
    def factor(match: re.Match[str]) -> bool:
        scan.facts.gains.append(Number(_float(match["n"]), match.group().strip()))
        return True

    def percent(match: re.Match[str]) -> bool:
        share = _float(match["n"]) / 100
        shorter = re.search(r"less|lower|fewer|reduc|time|off|shorter", match.group(), re.IGNORECASE) is not None
        if shorter and share >= 1:
            return False
        scan.facts.gains.append(Number(1 / (1 - share) if shorter else 1 + share, match.group().strip()))
        return True

    def twice(match: re.Match[str]) -> bool:
        scan.facts.gains.append(Number(2.0, match.group().strip()))
        return True

    number = rf"(?<![\w.])(?P<n>{_DIGITS})"
    faster = r"(?:as\s+fast|as\s+quick|faster|quicker|speed-?\s?ups?|the\s+speed|gains?|better)"
    scan.take(
        rf"\b(?:twice|double)\s+{faster}|\bhalf\s+(?:of\s+)?(?:the|its|that)?\s*(?:time|latency)\b|\bhalve\s+(?:the\s+)?(?:time|latency)",
        twice,
    )
    scan.take(rf"{number}\s*(?:times|-?\s?fold)(?:\s+{faster})?\b", factor)
    scan.take(rf"{number}\s*[x×](?![\w])(?!\s*\d)(?:\s+{faster}\b)?", factor)
    tail = rf"(?:{faster}|less\s+time|lower\s+latency|shorter|reduction|off\b|improvement|more\s+speed)"
    scan.take(rf"{number}\s*(?:%|percent)\s*(?:of\s+)?{tail}", percent)


def _threads(scan: _Scan) -> None:
    def counted(match: re.Match[str]) -> bool:
        return _keep(scan.facts.threads, match)

    def single(match: re.Match[str]) -> bool:
        scan.facts.threads.append(Number(1, match.group().strip()))
        return True

    def many(match: re.Match[str]) -> bool:
        scan.facts.threads.append(Number(0, match.group().strip()))
        return True

    scan.take(r"\bsingle[\s-]*(?:thread(?:ed|s)?|core)\b|\bserial(?:ly)?\b|\bsequential(?:ly)?\b", single)
    scan.take(
        rf"(?P<q>{_QUANTITY})[\s-]*(?:hardware\s+|logical\s+|physical\s+)?(?:threads?|cores?|cpus|workers)\b", counted
    )
    scan.take(r"\bthreads?\s*=\s*(?P<q>\d+)\b", counted)
    scan.take(
        r"\bmulti[\s-]*(?:thread(?:ed|ing|s)?|core)\b|\b(?:all|every|many|several|multiple)\s+(?:\w+\s+)?(?:cores?|threads?|cpus)\b|"
        r"\bopenmp\b|\bpthreads?\b|\bparalleli[sz]ed?\b|\b(?:in\s+)?parallel\b",
        many,
    )


def _bits(scan: _Scan) -> None:
    def width(match: re.Match[str]) -> bool:
        scan.facts.bits.append(Number(float(match["n"]), match.group().strip()))
        return True

    scan.take(r"(?<![\w.])(?P<n>\d{1,4})[\s-]*bits?\b(?!\s*/)", width)


_SHAPE_WORDS = re.compile(r"[x×]|(?<!\*)\*(?!\*)|\bby\b|\brows?\b|\bof\b|\bwith\b", re.IGNORECASE)


def _shapes(scan: _Scan) -> None:
    def shape(match: re.Match[str]) -> bool:
        dims = [quantity(part) for part in _SHAPE_WORDS.split(match.group()) if part.strip()]
        if any(dim is None or dim < 1 for dim in dims) or len(dims) < 2:
            return False
        scan.facts.shapes.append(Shape(tuple(dim for dim in dims if dim is not None), match.group().strip()))
        return True

    scan.take(rf"{_QUANTITY}(?:\s*(?:[x×]|(?<!\*)\*(?!\*)|\bby\b)\s*{_BARE})+(?![\w%])", shape)
    scan.take(rf"{_QUANTITY}\s+rows?\s+(?:of|x|with|by)\s+{_QUANTITY}(?!\s*[kmg]?i?(?:b|bytes)\b)", shape)


def _sizes(scan: _Scan) -> None:
    def in_bytes(match: re.Match[str]) -> bool:
        digits, prefix = _float(match["n"]), (match["prefix"] or "").casefold()
        decimal, binary = _BYTES[prefix[:1]]
        spelled_binary = prefix.endswith(("i", "ibi"))
        low, high = round(digits * decimal), round(digits * binary)
        other = None if spelled_binary or low == high else high
        scan.facts.sizes.append(Size(high if spelled_binary else low, "bytes", match.group().strip(), other))
        return True

    def counted(unit: SizeUnit) -> Callable[[re.Match[str]], bool]:
        def use(match: re.Match[str]) -> bool:
            value = quantity(match["q"])
            if value is None or (unit == "elements" and value < 1000 and not match.groupdict().get("noun")):
                return False
            low = quantity(re.split(r"-|–|\bto\b", match["range"])[0]) if match["range"] else None
            said = match.group().strip()
            scan.facts.sizes.extend(Size(count, unit, said) for count in (low, value) if count is not None)
            return True

        return use

    number = rf"(?<![\w.])(?P<n>{_DIGITS})[\s-]*"
    scan.take(
        rf"{number}(?P<prefix>[kmg]i?(?=b\b)|[kmg]i?(?=bytes?\b)|kilo|mega|giga|kibi|mebi|gibi)?(?:b\b|bytes?\b)",
        in_bytes,
    )
    ranged = rf"(?P<range>{_QUANTITY}\s*(?:-|–|\bto\b)\s*)?(?P<q>{_QUANTITY})"
    scan.take(rf"{ranged}[\s-]+rows?\b(?!\s+length)", counted("rows"))
    scan.take(rf"{ranged}[\s-]+(?:columns?|cols)\b", counted("columns"))
    noun = r"(?P<noun>[\s-]*(?:long\s+|input\s+|real\s+)?(?:floats?(?!\s+(?:arrays?|vectors?|buffers?|rows?))|elements?|numbers?|values?|entries|items?|scores?|logits?|samples?|points?|reals?|singles?|components?)\b)"  # noqa: E501
    scan.take(rf"{ranged}{noun}", counted("elements"))
    scan.take(rf"\b(?P<noun>size|lengths?|len|n|dimension|width)\s*(?:=|:|of|is)?\s*{ranged}", counted("elements"))
    scan.take(ranged, counted("elements"))


def _leftovers(scan: _Scan) -> None:
    def unread(match: re.Match[str]) -> bool:
        scan.facts.unread.append(match.group().strip())
        return True

    scan.take(rf"(?<![\w.]){_DIGITS}(?:\s*%|\b)(?![\w-])", unread)


_NEGATED = re.compile(
    r"\b(?:not?|without|instead of|than|versus|vs\.?|against|beats?|no need for)\s+(?:\w+\s+){0,2}$", re.IGNORECASE
)


def _blas_prefixes(scan: _Scan) -> None:
    for pattern, name in BLAS_PREFIXES:

        def keep(match: re.Match[str], name: str = name) -> bool:
            scan.facts.dtypes.append(Named(name, match.group()))
            return False

        scan.take(pattern, keep)


def _names(table: Sequence[tuple[str, str]], into: Callable[[_Scan], list[Named]], *, negatable: bool) -> _Rule:
    def rule(scan: _Scan) -> None:
        for pattern, name in table:

            def use(match: re.Match[str], name: str = name) -> bool:
                if not (negatable and _NEGATED.search(scan.text[: match.start()])):
                    into(scan).append(Named(_at_hand(name, scan.machine), match.group().strip()))
                return True

            scan.take(pattern, use)

    return rule


def _at_hand(name: str, machine: str) -> str:
    """`arm` and `x86` are the processor at hand where the host is one of them."""
    if name == "x86":
        return "cpu" if machine in {"x86_64", "amd64", "i686"} else name
    if name == "arm":
        return "cpu" if machine in {"aarch64", "arm64", "armv7l"} else name
    return name


_Rule = Callable[[_Scan], None]
_RULES: tuple[_Rule, ...] = (
    _money,
    _durations,
    _counts_of_work,
    _tolerances,
    _areas,
    _gains,
    _threads,
    _names(RIVALS, lambda scan: scan.facts.rivals, negatable=False),
    _names(PROCESSORS, lambda scan: scan.facts.processors, negatable=True),
    _blas_prefixes,
    _names(DTYPES, lambda scan: scan.facts.dtypes, negatable=True),
    _bits,
    _shapes,
    _sizes,
    _names(LANGUAGES, lambda scan: scan.facts.languages, negatable=True),
    _names(METRICS, lambda scan: scan.facts.metrics, negatable=False),
    _leftovers,
)
