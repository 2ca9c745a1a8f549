"""Operators that make recipes from recipes (`nightforge.domain.team.Operator`, language `abc-recipe`).

They know the grammar and no task. Each draws among its many possible changes with a generator that is seeded by the
context's seed and the parent's text: the same question gives the same proposals in the same order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from random import Random

from nightforge.domain.team import Draft, OperatorContext, Program
from nightforge.domain.words import OperatorKind
from tools.recipes.grammar import (
    FORMS,
    MAX_PARTS,
    MAX_STEPS,
    OR,
    Form,
    Recipe,
    RecipeError,
    Step,
    is_recipe,
    parse_recipe,
    parts_of,
    print_recipe,
)

LANGUAGE = "abc-recipe"
MAX_DRAFTS = 8
_TRIES = 8 * MAX_DRAFTS
_MOST_COPIES = 6
MACROS: tuple[tuple[str, Recipe], ...] = tuple(
    (name, parse_recipe(text.replace("/", "\n")))
    for name, text in (
        ("rewriting with zero cost", "rewrite/rewrite -z/balance"),
        ("refactoring with zero cost", "refactor/refactor -z/balance"),
        ("resubstitution, growing cuts", "resub -K 6/resub -K 8/resub -K 10/resub -K 12"),
        ("resubstitution for area", "resub -K 6 -N 2 -l/refactor -l/resub -K 10 -N 2 -l/rewrite -z -l"),
        ("choices, then rewriting", "dch/rewrite -z/dch"),
        ("choices and balance", "dch/balance/dch"),
        ("sums of products", "if -K 6 -g; strash/dch"),
        ("decompositions", "if -K 6 -x; strash/rewrite/dch"),
        ("don't-cares", "if -K 6; mfs2; strash/dch"),
        ("don't-cares for area", "if -K 4 -a; mfs2; strash/balance -l"),
        ("shared cubes", "logic; fx; strash/dch"),
        ("sweep", "ifraig/dc2"),
        ("multiplexers", "&get -n; &syn3; &put/&get -n; &syn4; &put"),
        ("multiplexers, then choices", "&get -n; &syn4; &put/drw -l/dch"),
        ("levels, then area", "if -K 8 -g; strash/dch/rewrite -l"),
        ("decompositions, then area", "if -K 6 -x; strash/drw -l/refactor -l/resub -K 8 -l"),
        ("don't-cares, then multiplexers", "if -K 6 -a; mfs2; strash/&get -n; &syn3; &put"),
        ("shared cubes, then don't-cares", "extract; strash/if -K 5; mfs2; strash/balance"),
        ("choices around sums of products", "dch/balance/rewrite/if -K 6 -g; strash/dch"),
        ("choices around resubstitution", "dch/resub -K 11 -N 2 -z/dch"),
        ("don't-cares between choices", "dch/if -K 6; mfs2; strash/dch"),
        ("resubstitution, then choices twice", "resub -K 6/resub -K 8/resub -K 10/dch/dch"),
        ("don't-cares in a cover", "&get -n; &if -K 6; &mfs; &st; &put/rewrite -z/dch"),
        ("balance, then don't-cares in a cover", "&get -n; &b; &put/&get -n; &if -K 6; &mfs; &st; &put/dch"),
        ("sums of products out of choices", "dch; if -K 6 -g; strash/&get -n; &if -K 6; &mfs; &st; &put/dch"),
        ("levels out of choices, then multiplexers", "dch; if -K 8 -g; strash/&get -n; &syn3; &put/dch"),
        ("don't-cares out of choices", "dch; if -K 6 -a; mfs2; strash/rewrite -z -l"),
        ("two-input decompositions", "if -K 6; bidec; strash/&get -n; &b; &put/dch"),
    )
)
"""Short sequences that people use as one. Those around choices and those in and out of choices are what searches on
other circuits came to again and again."""


def joined(parts: Sequence[Sequence[Step]]) -> Recipe:
    """The recipe of these parts."""
    return tuple(step for part in parts for step in (OR, *part))[1:]


class _Operator(ABC):
    """Draws changes of a recipe until enough differ from it and from each other."""

    name: str
    kind = OperatorKind.REWRITE
    languages = frozenset({LANGUAGE})
    prior = 0.3
    structural = False
    draws = True

    @abstractmethod
    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        """Another recipe and what was changed, in one line; None when this draw found nothing."""

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        recipe = _parsed(context.parent.source)
        return tuple(islice(self._drafts(context, recipe), MAX_DRAFTS)) if recipe else ()

    def _drafts(self, context: OperatorContext, recipe: Recipe) -> Iterator[Draft]:
        text = print_recipe(recipe)
        random, seen = Random(f"{self.name} {context.seed}\n{text}"), {text}
        for _ in range(_TRIES):
            found = self.change(recipe, random)
            if found is None or not is_recipe(found[0]):
                continue
            made = print_recipe(found[0])
            if made not in seen:
                seen.add(made)
                yield Draft(source=made, operator=self.kind, operator_name=self.name, note=found[1])


def draw_step(random: Random) -> Step:
    """Any form; each of its options as likely there as not."""
    return _draw_options(random.choice(FORMS), random)


def _draw_options(form: Form, random: Random) -> Step:
    options: list[tuple[str, int | None]] = []
    for letter, (least, most, _) in form.numbers.items():
        if letter in form.required or random.random() < 0.5:
            options.append((letter, random.randint(least, most)))
    options += [(letter, None) for letter in form.flags if random.random() < 0.5]
    return Step(form, tuple(options))


class Insert(_Operator):
    name = "rewrite.recipe-insert"
    prior = 0.3

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        place, step = random.randint(0, len(recipe)), draw_step(random)
        return (*recipe[:place], step, *recipe[place:]), f"{step.text} as line {place + 1}"


class Delete(_Operator):
    name = "rewrite.recipe-delete"
    prior = 0.3

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        place = random.randrange(len(recipe))
        count = random.choice((1, 1, 1, 2))
        return (*recipe[:place], *recipe[place + count :]), f"without {recipe[place].text} (line {place + 1})"


class Replace(_Operator):
    name = "rewrite.recipe-replace"
    prior = 0.3

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        place, step = random.randrange(len(recipe)), draw_step(random)
        made = (*recipe[:place], step, *recipe[place + 1 :])
        return made, f"{step.text} instead of {recipe[place].text} (line {place + 1})"


class Move(_Operator):
    """A line goes elsewhere; a step of one place is a swap."""

    name = "rewrite.recipe-move"
    prior = 0.4

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        steps = list(recipe)
        old, new = random.randrange(len(steps)), random.randrange(len(steps))
        moved = steps.pop(old)
        steps.insert(new, moved)
        return steps, f"{moved.text} from line {old + 1} to line {new + 1}"


class Tweak(_Operator):
    """Other numbers or flags of one line, the command kept."""

    name = "rewrite.recipe-arguments"
    prior = 0.4

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        places = [place for place, step in enumerate(recipe) if step.form.flags or step.form.numbers]
        if not places:
            return None
        place = random.choice(places)
        step = replace(recipe[place], options=_draw_options(recipe[place].form, random).options)
        made = (*recipe[:place], step, *recipe[place + 1 :])
        return made, f"line {place + 1}: {step.text} instead of {recipe[place].text}"


class Macro(_Operator):
    """A sequence that people use as one, put in somewhere."""

    name = "rewrite.recipe-macro"
    prior = 0.6

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        title, macro = random.choice(MACROS)
        place = random.randint(0, len(recipe))
        rest = recipe[place + random.choice((0, 0, len(macro))) :]
        return (*recipe[:place], *macro, *rest), f"{title} at line {place + 1}"


class Assemble(_Operator):
    """Another recipe out of such sequences: a part each, or one after another beside the parent's end or beginning."""

    name = "rewrite.recipe-assemble"
    prior = 0.4

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        if random.random() < 0.5:
            several = random.sample(MACROS, k=random.randint(3, MAX_PARTS))
            return joined([macro for _, macro in several]), " or ".join(title for title, _ in several)
        chosen = random.choices(MACROS, k=random.randint(2, 4))
        made = [step for _, macro in chosen for step in macro]
        kept = random.randint(0, len(recipe) // 2)
        whole = random.choice(((*recipe[:kept], *made), (*made, *recipe[len(recipe) - kept :])))
        return whole, " + ".join(title for title, _ in chosen)


class Repeat(_Operator):
    """A stretch of lines once or twice more: many commands go on gaining when they are repeated."""

    name = "rewrite.recipe-repeat"
    prior = 0.4

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        start = random.randrange(len(recipe))
        end = random.randint(start + 1, min(len(recipe), start + _MOST_COPIES))
        times = random.choice((1, 1, 2))
        made = (*recipe[:end], *(recipe[start:end] * times), *recipe[end:])
        return made, f"lines {start + 1} to {end} {'once' if times == 1 else 'twice'} more"


_SMALL = (Insert(), Delete(), Replace(), Move(), Tweak())


class Several(_Operator):
    """Two or three small changes at once: a way across where each alone loses."""

    name = "rewrite.recipe-several"
    prior = 0.5

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        notes: list[str] = []
        for operator in random.choices(_SMALL, k=random.choice((2, 2, 3))):
            found = operator.change(recipe, random)
            if found is not None and is_recipe(found[0]):
                recipe = tuple(found[0])
                notes.append(found[1])
        return recipe, "; ".join(notes)


class Part(_Operator):
    """One part more, or another in place of one: new, or a changed copy of a part. The other parts make room for it."""

    name = "rewrite.recipe-part"
    prior = 0.6

    def change(self, recipe: Recipe, random: Random) -> tuple[Sequence[Step], str] | None:
        parts = parts_of(recipe)
        fresh, note = self._fresh(parts, random)
        if len(parts) < MAX_PARTS and random.random() < 0.5:
            parts.append(fresh)
            place = len(parts) - 1
        else:
            place = random.randrange(len(parts))
            parts[place] = fresh
        return joined(_fitted(parts, place, random)), f"part {place + 1}: {note}"

    def _fresh(self, parts: Sequence[Recipe], random: Random) -> tuple[Recipe, str]:
        if random.random() < 0.5:
            chosen = random.choices(MACROS, k=random.choice((1, 1, 2)))
            return tuple(step for _, macro in chosen for step in macro), " + ".join(title for title, _ in chosen)
        at = random.randrange(len(parts))
        copy = parts[at]
        for operator in random.choices(_SMALL, k=random.choice((1, 2, 3))):
            found = operator.change(copy, random)
            if found is not None and found[0]:
                copy = tuple(found[0])
        return copy, f"as part {at + 1}, changed"


def _fitted(parts: Sequence[Recipe], kept: int, random: Random) -> Sequence[Recipe]:
    """Lines of the other parts go, any of them, until there are no more commands than a recipe may have."""
    found = [list(part) for part in parts]
    while sum(map(len, found)) > MAX_STEPS:
        places = [at for at, part in enumerate(found) if part and at != kept]
        if not places:
            break
        part = found[random.choice(places)]
        part.pop(random.randrange(len(part)))
    return [tuple(part) for part in found if part]


class _Crossover(ABC):
    """Draws recipes out of the parent and one partner.

    Partners are no better than the parent: a child of a better one would stand above its parent without any merit of
    the crossing, and a search that follows gains over parents would then make little else.
    """

    name: str
    kind = OperatorKind.CROSSOVER
    languages = frozenset({LANGUAGE})
    prior = 0.4
    structural = False
    draws = True

    @abstractmethod
    def cross(self, ours: Recipe, theirs: Recipe, random: Random) -> tuple[Sequence[Step], str]:
        """A recipe of both, not always a valid one, and how it was made; `{}` stands for the partner."""

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        return tuple(islice(self._drafts(context), MAX_DRAFTS))

    def _drafts(self, context: OperatorContext) -> Iterator[Draft]:
        parent = _parsed(context.parent.source)
        partners = [
            (one.ordinal, recipe)
            for one in context.partners
            if (recipe := _parsed(one.source)) and not _is_better(one, context.parent)
        ]
        if not parent or not partners:
            return
        seen = {print_recipe(recipe) for recipe in (parent, *(recipe for _, recipe in partners))}
        random = Random(f"{self.name} {context.seed}")
        for _ in range(_TRIES):
            ordinal, partner = random.choice(partners)
            made, note = self.cross(parent, partner, random)
            text = print_recipe(made)
            if is_recipe(made) and text not in seen:
                seen.add(text)
                words = note.format(f"candidate {ordinal}")
                yield Draft(source=text, operator=self.kind, operator_name=self.name, note=words)


class Cross(_Crossover):
    """The beginning of one recipe and the end of another, cut between lines."""

    name = "crossover.recipe"

    def cross(self, ours: Recipe, theirs: Recipe, random: Random) -> tuple[Sequence[Step], str]:
        head, tail = random.randint(0, len(ours)), random.randint(0, len(theirs))
        made = (*ours[:head], *theirs[tail:]) if random.random() < 0.5 else (*theirs[:tail], *ours[head:])
        return made, f"cut at line {head}, joined with {{}} at its line {tail}"


class CrossParts(_Crossover):
    """Parts of one recipe and parts of another, as many as there is room for."""

    name = "crossover.recipe-parts"

    def cross(self, ours: Recipe, theirs: Recipe, random: Random) -> tuple[Sequence[Step], str]:
        mixed = list(dict.fromkeys((*parts_of(ours), *parts_of(theirs))))
        random.shuffle(mixed)
        made: list[Recipe] = []
        for part in mixed[: random.randint(2, MAX_PARTS)]:
            if is_recipe(joined([*made, part])):
                made.append(part)
        return joined(made), f"{len(made)} parts of it and of {{}}"


def _is_better(one: Program, other: Program) -> bool:
    return one.score is not None and other.score is not None and one.score > other.score


def _parsed(source: str) -> Recipe:
    """Empty where it is no recipe."""
    try:
        return parse_recipe(source)
    except RecipeError:
        return ()
