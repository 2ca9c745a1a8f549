"""Rules on the text of a combinational Verilog file, before any tool reads it.

The netlist is the fence (`elaborate`); these rules keep from the tools what steers them without being hardware, and
tell it with the line. Tools get the text that `check_text` gives back: without comments, so that no comment can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evaluators.accelerators.refusal import Refused

MAX_BYTES = 512 * 1024
_TOKEN = re.compile(
    r"(?P<system>\$[A-Za-z_$][\w$]*)"
    r"|(?P<word>[A-Za-z_][\w$]*)"
    r"|(?P<number>(?:\d[\d_]*)?\s*'[sS]?[bBoOdDhH]\s*[\w?]+|'[01xXzZ]\b|\d[\d_]*(?:\.\d+)?)"
    r"|(?P<sign>===|!==|==\?|!=\?|\(\s*\*(?!\s*\))|[^\s\w])"
)
_DIRECTIVE = re.compile(r"^[ \t]*`(?:timescale\b[^\n]*|default_nettype[ \t]+none[ \t]*)$", re.MULTILINE)
_SYSTEM = frozenset({"$signed", "$unsigned", "$clog2", "$bits"})
_SIGNS: Mapping[str, tuple[str, str]] = {
    "===": ("unsynthesisable", "`===` asks what hardware cannot know: compare with `==`"),
    "!==": ("unsynthesisable", "`!==` asks what hardware cannot know: compare with `!=`"),
    "==?": ("unsynthesisable", "`==?` matches don't-care bits: compare the bits that count with `==`"),
    "!=?": ("unsynthesisable", "`!=?` matches don't-care bits: compare the bits that count with `!=`"),
    "`": ("directive", "no compiler directives: one text is simulated, proved and mapped; use parameters"),
    '"': ("string", "no strings: a circuit prints and reads nothing"),
    "\\": ("escaped_name", "no escaped names: use letters, digits and underscores"),
}
_TEST_BENCH = (
    "program class bind import export interface clocking covergroup checker property sequence assert assume "
    "cover restrict expect config library rand package"
)
_NETS = (
    "tri tri0 tri1 triand trior trireg wand wor pullup pulldown supply0 supply1 bufif0 bufif1 notif0 notif1 "
    "nmos pmos cmos rnmos rpmos rcmos tran rtran tranif0 tranif1 rtranif0 rtranif1 inout"
)
_TIMED = "no clocks, delays or events: this task is combinational, write `assign` or `always @*`"
_WORDS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("posedge", "negedge", "edge", "wait", "event", "always_ff", "always_latch"), ("clocked", _TIMED)),
    **dict.fromkeys(
        ("initial", "final"),
        ("initial_block", "no initial values: what a circuit computes depends on its inputs alone"),
    ),
    "casex": ("unsynthesisable", "`casex` matches undefined bits: use `case`, or `casez` with `?`"),
    **dict.fromkeys(
        ("force", "release", "deassign", "fork", "join", "forever", "specify", "primitive", "table", "disable"),
        ("unsynthesisable", "this construct is for simulation only: write `assign`, `always @*`, functions, generate"),
    ),
    **dict.fromkeys(
        _TEST_BENCH.split(),
        ("unsynthesisable", "this construct is for test benches: write modules with `assign`, functions, generate"),
    ),
    **dict.fromkeys(
        _NETS.split(),
        ("several_drivers", "no tri-state, wired or switch-level nets: every wire has one driver of 0 and 1"),
    ),
    **dict.fromkeys(
        ("real", "realtime", "shortreal", "time", "string", "chandle"),
        ("unsynthesisable", "hardware has no such type: use `wire`, `reg`, `logic`, `integer` with a width"),
    ),
    "defparam": ("unsynthesisable", "`defparam` reaches into other modules: give parameters at the instance"),
}
_PRIMITIVES = frozenset(
    {"begin", "else", "do", "and", "or", "nand", "nor", "xor", "xnor", "not", "buf", "assign", "wire"}
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def check_text(source: str, top: str = "cand") -> str:
    """The text without comments, every line where it was; raises Refused naming line and mend."""
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        raise Refused("not_text", f"the source holds half of a character at {error.start}") from error
    if size > MAX_BYTES:
        raise Refused("too_long", f"{size} bytes of source; the limit is {MAX_BYTES}: write it with loops")
    text = _DIRECTIVE.sub(lambda found: " " * len(found[0]), strip_comments(source))
    odd = re.search(r"[^\t\n\r -~]", text)
    if odd is not None:
        raise _refuse(text, odd.start(), "not_text", f"the character {odd[0]!r} outside a comment: use plain ASCII")
    before = _Token("", "", 0)
    names_top = False
    rules = _Declarations()
    for token in _tokens(text):
        _check_token(token, before)
        rules.see(token)
        names_top = names_top or (before.text in ("module", "macromodule") and token.text == top)
        before = token
    if not names_top:
        raise Refused("no_top", f"no module {top}: the top module must be called {top}")
    return text


class _Declarations:
    """`reg x = 1` gives a register a value to wake up with; `wire x = a` and `parameter reg x = 1` do not."""

    def __init__(self) -> None:
        self._is_open = False
        self._is_constant = False

    def see(self, token: _Token) -> None:
        if token.text in ("parameter", "localparam"):
            self._is_constant = True
        elif token.text in ("reg", "logic", "bit"):
            self._is_open = not self._is_constant
        elif token.text == "=" and self._is_open:
            raise Refused("initial_block", f"line {token.line}: no initial values: declare it, then `assign` it")
        elif token.text in (";", ")", "begin"):
            self._is_open = self._is_constant = False


def strip_comments(source: str) -> str:
    """Comments become blanks; a string or an escaped name ends the search for them, being refused anyway."""
    out: list[str] = []
    at = 0
    for found in re.finditer(r'//[^\n]*|/\*.*?(?:\*/|\Z)|["\\]', source, re.DOTALL):
        if found[0] in '"\\':
            break
        out.append(source[at : found.start()])
        out.append(re.sub(r"[^\n]", " ", found[0]))
        at = found.end()
    return "".join([*out, source[at:]])


def _tokens(text: str) -> Iterator[_Token]:
    line, at = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", at, found.start())
        at = found.start()
        yield _Token(found.lastgroup or "", found[0], line)


def _check_token(token: _Token, before: _Token) -> None:
    where = f"line {token.line}: "
    if token.kind == "system" and token.text not in _SYSTEM:
        raise Refused(
            "system_task", f"{where}{token.text} is no hardware: only {', '.join(sorted(_SYSTEM))} may be used"
        )
    if token.kind == "word" and token.text in _WORDS:
        reason, mend = _WORDS[token.text]
        raise Refused(reason, f"{where}`{token.text}`: {mend}")
    if token.kind == "number" and "'" in token.text:
        _check_digits(token, where)
    if token.kind == "sign":
        _check_sign(token, before, where)


def _check_digits(token: _Token, where: str) -> None:
    digits = re.sub(r"^\s*[sS]?[bBoOdDhH]", "", token.text.split("'", 1)[1])
    if re.search(r"[xXzZ]", digits):
        raise Refused(
            "undefined_value", f"{where}{token.text.strip()}: no undefined bits; hardware has 0 and 1 (casez takes `?`)"
        )


def _check_sign(token: _Token, before: _Token, where: str) -> None:
    if token.text.startswith("(") and len(token.text) > 1:
        raise Refused("attribute", f"{where}no attributes `(* *)`: they steer tools and are no hardware")
    if token.text == "#" and (before.kind != "word" or before.text in _PRIMITIVES):
        raise Refused("delay", f"{where}no delays: `#` gives parameters to a module and nothing else")
    found = _SIGNS.get(token.text)
    if found is not None:
        raise Refused(found[0], where + found[1])


def _refuse(text: str, at: int, reason: str, what: str) -> Refused:
    return Refused(reason, f"line {text.count(chr(10), 0, at) + 1}: {what}")
