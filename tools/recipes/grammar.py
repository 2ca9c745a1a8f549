"""What a line of a recipe may be: commands of ABC that change a network and nothing else.

A recipe is text that a stranger wrote, and ABC is a shell: it reads and writes files, runs programs, defines names. So
a recipe is never handed on. Each line is matched whole against a list of forms with ranges for their numbers, and what
ABC is given is printed anew from what was recognised.

A line `or` ends a part of the recipe: the next one begins from the circuit as it was given. Each part is run, and on
each circuit the part counts that comes out smallest, as for somebody who tries several and keeps the best result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MAX_STEPS = 20
"""Commands, in all parts together."""
MAX_PARTS = 5
"""As many as there are fixed recipes, the best of which a recipe is held against."""
MAX_LINE = 80
MAX_TEXT = 4096
_LETTERS = re.compile(r"[A-Za-z0-9&;\- ]*")
_OPTION = re.compile(r" -([A-Za-z])(?: (\d{1,3}))?(?= |$)")
_COMMENT = "#"


class RecipeError(ValueError):
    """`reason` is a slug for counting; the message names the line and the mend."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of line: `head`, options in any order, `tail`. `settle` is what ABC is given behind it, unseen."""

    head: str
    flags: str = ""
    """Letters of options without a number."""
    numbers: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    """Letter → least, largest, and what it is where the line does not say."""
    tail: str = ""
    settle: str = ""
    required: str = ""
    """Letters of numbers that each line must give."""
    costly: bool = False
    """Takes many times longer than rewriting does."""

    def __hash__(self) -> int:
        return hash((self.head, self.tail))


_CHOICES = "strash"
"""dch leaves a network with choice nodes, which most commands refuse; hashing keeps the best of each."""
_GIA = ("&get -n; &{}; &put", "strash")
FORMS: tuple[Form, ...] = (
    Form("balance", flags="lx"),
    Form("rewrite", flags="zl"),
    Form("refactor", flags="zl", numbers={"N": (4, 14, 10)}),
    Form("resub", flags="zl", numbers={"K": (6, 12, 8), "N": (0, 2, 1)}, required="K"),
    Form("dc2", flags="bl"),
    Form("drw", flags="zl"),
    Form("drf", flags="zl"),
    Form("dch", settle=_CHOICES, costly=True),
    Form("ifraig"),
    Form("fraig"),
    Form("scorr"),
    Form("iresyn"),
    *(Form(_GIA[0].format(name), settle=_GIA[1]) for name in ("syn2", "syn3", "syn4", "b", "dc2")),
    Form(
        "&get -n; &if", numbers={"K": (3, 6, 6)}, required="K", tail="; &mfs; &st; &put", settle="strash", costly=True
    ),
    *(
        form
        for cover in ("if", "dch; if")
        for form in (
            Form(cover, numbers={"K": (3, 8, 6)}, required="K", tail=" -g; strash", costly=True),
            Form(cover, numbers={"K": (3, 8, 6)}, required="K", tail=" -x; strash", costly=True),
            Form(cover, flags="a", numbers={"K": (3, 6, 6)}, required="K", tail="; mfs2; strash", costly=True),
            Form(cover, numbers={"K": (3, 6, 6)}, required="K", tail="; bidec; strash", costly=True),
            Form(cover, numbers={"K": (3, 6, 6)}, required="K", tail="; sop; fx; strash", costly=True),
        )
    ),
    Form("logic; fx; strash"),
    Form("extract; strash"),
)
"""The chains with `;` are whole lines, taken as they stand: no other line may hold one. Behind `dch;` a cover by
look-up tables chooses among the structures that dch keeps, which a line of its own would have lost."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line: a form and the options that were given, in the form's own order."""

    form: Form
    options: tuple[tuple[str, int | None], ...] = ()

    @property
    def text(self) -> str:
        return self.form.head + "".join(_option(*option) for option in self.options) + self.form.tail

    @property
    def commands(self) -> str:
        """What ABC is given, commands separated by `; `."""
        return f"{self.text}; {self.form.settle}" if self.form.settle else self.text


Recipe = tuple[Step, ...]
"""Commands in their order, and `OR` between parts."""
OR = Step(Form("or"))


def _option(letter: str, number: int | None) -> str:
    return f" -{letter}" if number is None else f" -{letter} {number}"


def parse_recipe(text: str) -> Recipe:
    """The steps; lines that are empty or begin with `#` are left out. Raises RecipeError."""
    if len(text) > MAX_TEXT:
        raise RecipeError("too_long", f"the recipe has {len(text)} characters, more than {MAX_TEXT}")
    steps: list[Step] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip(" ") and not line.startswith(_COMMENT):
            steps.append(_parse_line(line, number))
    problem = _size_problem(steps)
    if problem is not None:
        raise problem
    return tuple(steps)


def is_recipe(steps: Sequence[Step]) -> bool:
    """Within the bounds: 1 to 20 commands in at most five parts, none of them empty."""
    return _size_problem(steps) is None


def parts_of(recipe: Sequence[Step]) -> list[Recipe]:
    """The parts in their order, without the lines between them."""
    parts: list[list[Step]] = [[]]
    for step in recipe:
        if step == OR:
            parts.append([])
        else:
            parts[-1].append(step)
    return [tuple(part) for part in parts]


def _size_problem(steps: Sequence[Step]) -> RecipeError | None:
    parts = parts_of(steps)
    commands = sum(map(len, parts))
    if not commands:
        return RecipeError("empty", "the recipe has no command; it needs 1 to 20, a line each")
    if commands > MAX_STEPS:
        return RecipeError("too_long", f"the recipe has {commands} commands, more than {MAX_STEPS}")
    if len(parts) > MAX_PARTS:
        return RecipeError("too_long", f"the recipe has {len(parts)} parts, more than {MAX_PARTS}")
    if not all(parts):
        return RecipeError("empty", f"part {parts.index(()) + 1} has no command; `or` stands between two parts")
    return None


def print_recipe(recipe: Sequence[Step]) -> str:
    """Canonical text: what parses to the same steps prints the same."""
    return "".join(f"{step.text}\n" for step in recipe)


def _parse_line(line: str, number: int) -> Step:
    if len(line) > MAX_LINE:
        raise RecipeError("too_long", f"line {number} has {len(line)} characters, more than {MAX_LINE}")
    if not _LETTERS.fullmatch(line):
        strange = next(letter for letter in line if not _LETTERS.fullmatch(letter))
        raise RecipeError("not_allowed", f"line {number}: the character {strange!a} is not allowed")
    plain = re.sub(r" *; *", "; ", " ".join(line.split(" "))).strip(" ")
    plain = re.sub(r" +", " ", plain)
    if plain == OR.text:
        return OR
    problem = ""
    for form in FORMS:
        if not (plain.startswith(form.head) and plain.endswith(form.tail)):
            continue
        middle = plain[len(form.head) : len(plain) - len(form.tail)]
        if middle and not middle.startswith(" "):
            continue
        found = _read_options(form, middle)
        if isinstance(found, Step):
            return found
        problem = problem or found
    known = ", ".join(form.head + form.tail for form in (*FORMS, OR.form))
    raise RecipeError("not_allowed", f"line {number}: {problem or f'{plain!r} is not allowed; there are: {known}'}")


def _read_options(form: Form, text: str) -> Step | str:
    """The step, or what is wrong."""
    given: dict[str, int | None] = {}
    name, place = form.head + form.tail, 0
    for match in _OPTION.finditer(text):
        letter, value = match[1], match[2]
        if match.start() != place or letter in given:
            break
        place = match.end()
        if letter in form.flags and value is None:
            given[letter] = None
            continue
        if letter not in form.numbers or value is None:
            return f"{name} takes no -{letter}{' with a number' if value else ''}"
        least, most, _ = form.numbers[letter]
        if not least <= int(value) <= most:
            return f"{name} takes -{letter} {least} to {most}, not {value}"
        given[letter] = int(value)
    if place != len(text):
        return f"{name} does not take {text[place:].strip()!r}"
    lacking = [letter for letter in form.required if letter not in given]
    if lacking:
        return f"{name} needs -{lacking[0]}"
    order = (*form.numbers, *form.flags)
    return Step(form, tuple((letter, given[letter]) for letter in order if letter in given))
