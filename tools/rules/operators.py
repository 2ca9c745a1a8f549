"""Operators on rules: genetic programming with the program's own source as the genome.

They know features, units and people's rules from the comments of the program (see `tools.rules.program`), no task.
Proposals are drawn with the context's seed; those that put things into the same order as the parent on random values
of the features are left out before an evaluation is spent on them (phenotypic characterisation, Hildebrandt and
Branke 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from random import Random

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.rules import grow
from tools.rules.formula import Formula, text_of
from tools.rules.grow import Grower
from tools.rules.likeness import choices
from tools.rules.program import MOST_BYTES, Rule, rules_of
from tools.rules.simplify import is_rule, simplified

MOST_DRAFTS = 3
_TRIES = 60
_SECOND_CHANGE = 0.3
LINEAR = "rewrite.rule_linear"
Move = Callable[[Formula, Grower], Formula]


class RuleOperator:
    """What they share; subclasses say what `_changed` is."""

    name: str
    kind: OperatorKind
    languages = frozenset({"python"})
    prior = 0.4
    structural = False
    draws = True
    drafts = 1
    """Proposals for a candidate: each takes milliseconds, and the next candidate has others."""

    def fits(self, source: str) -> bool:
        """Whether the program has a rule at all: a formula over more than what other functions return."""
        return bool(_varied(source))

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        rules = _varied(context.parent.source)
        if not rules:
            return ()
        random = Random(f"{self.name} {context.seed}")
        return tuple(islice(self._drafts(rules, context, random), self.drafts))

    def _drafts(self, rules: Sequence[Rule], context: OperatorContext, random: Random) -> Iterator[Draft]:
        seen = {context.parent.source}
        known = {
            rule.function: {choices(one, rule.features) for one in (rule.formula, *_others(rule, context))}
            for rule in rules
        }
        for _ in range(_TRIES):
            rule = random.choice(rules)
            grower = Grower(rule.features, random, rule.is_ranking)
            formula = grower.usable(self._changed(rule, grower, context), rule.formula)
            if formula is None or choices(formula, rule.features) in known[rule.function]:
                continue
            source = rule.with_formula(formula)
            if source not in seen and len(source.encode()) <= MOST_BYTES:
                seen.add(source)
                yield self._draft(source, rule, formula)

    def _changed(self, rule: Rule, grower: Grower, context: OperatorContext) -> Formula:
        raise NotImplementedError

    def _draft(self, source: str, rule: Rule, formula: Formula) -> Draft:
        note = f"{rule.function}: {text_of(formula)}"
        return Draft(source=source, operator=self.kind, operator_name=self.name, note=note)


def _varied(source: str) -> list[Rule]:
    return [rule for rule in rules_of(source) if any("(" not in feature.text for feature in rule.features)]


def _others(rule: Rule, context: OperatorContext) -> list[Formula]:
    """What the partners have in the rule's place."""
    programs = (rules_of(partner.source) for partner in context.partners)
    return [other.formula for rules in programs for other in rules if other.function == rule.function]


class _Mutation(RuleOperator):
    """One move, now and then with a second small one on top."""

    kind = OperatorKind.REWRITE
    move: Move

    def _changed(self, rule: Rule, grower: Grower, context: OperatorContext) -> Formula:
        changed = type(self).move(rule.formula, grower)
        if is_rule(changed) and grower.random.random() < _SECOND_CHANGE:
            changed = grower.random.choice((grow.insert, grow.numbers, grow.point))(changed, grower)
        return changed


class Subtree(_Mutation):
    """A part of a rule's formula becomes a fresh one of the same unit."""

    name = "rewrite.rule_part"
    prior = 0.3
    move = staticmethod(grow.subtree)


class Point(_Mutation):
    """An operator or a feature of a rule's formula becomes another that fits in its place."""

    name = "rewrite.rule_point"
    prior = 0.3
    move = staticmethod(grow.point)


class Hoist(_Mutation):
    """A part of a rule's formula takes the place of what is around it."""

    name = "rewrite.rule_hoist"
    prior = 0.15
    move = staticmethod(grow.hoist)


class Insert(_Mutation):
    """A feature comes into a rule's formula: as a term, as a factor, or as a choice."""

    name = "rewrite.rule_feature"
    prior = 0.6
    move = staticmethod(grow.insert)


class Numbers(_Mutation):
    """Numbers of a rule's formula are scaled, or a part is given a weight."""

    name = "tune.rule_numbers"
    kind = OperatorKind.TUNE
    prior = 0.6
    move = staticmethod(grow.numbers)


class Cross(RuleOperator):
    """A part of a rule's formula becomes a part of a partner's, or of a rule by people that the program quotes."""

    name = "crossover.rules"
    kind = OperatorKind.CROSSOVER
    prior = 0.6

    def _changed(self, rule: Rule, grower: Grower, context: OperatorContext) -> Formula:
        others = _others(rule, context)
        if not others or grower.random.random() < 0.1:
            others = [known.formula for known in rule.known]
        return grow.cross(rule.formula, grower.random.choice(others), grower) if others else rule.formula


class Start(RuleOperator):
    """Rules by people, in the order in which the program quotes them: the population begins with them."""

    name = "rewrite.rule_known"
    kind = OperatorKind.REWRITE
    prior = 0.05
    draws = False
    begins = True

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        drafts = []
        for rule in rules_of(context.parent.source):
            quoted = [known.formula for known in rule.known]
            if rule.formula not in quoted:
                continue  # an evolved program does not go back to them
            for known in rule.known:
                if known.formula != rule.formula:
                    source = rule.with_formula(known.formula)
                    note = f"{rule.function}: {known.name or text_of(known.formula)}"
                    drafts.append(Draft(source=source, operator=self.kind, operator_name=self.name, note=note))
        return tuple(drafts)


class Simplify(RuleOperator):
    """A rule's formula with the same values and fewer parts."""

    name = "rewrite.rule_short"
    kind = OperatorKind.REWRITE
    prior = 0.05
    draws = False

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        drafts = []
        for rule in rules_of(context.parent.source):
            short = simplified(rule.formula, {feature.text: feature for feature in rule.features})
            if short.size < rule.formula.size and is_rule(short):
                drafts.append(self._draft(rule.with_formula(short), rule, short))
        return tuple(drafts)


class Linear(RuleOperator):
    """Weighted sums of two to six features, whatever the parent is; on request, for the policy `linear-rules`.

    Of several functions each is drawn anew or left as it is: one alone that is far off would spoil most draws.
    """

    name = LINEAR
    kind = OperatorKind.REWRITE
    prior = 0.0
    on_request = True
    drafts = MOST_DRAFTS

    def _drafts(self, rules: Sequence[Rule], context: OperatorContext, random: Random) -> Iterator[Draft]:
        seen = {context.parent.source}
        for _ in range(_TRIES):
            source, notes = context.parent.source, []
            for rule in random.sample(rules, random.randint(1, len(rules))):
                now = next(one for one in rules_of(source) if one.function == rule.function)
                grower = Grower(now.features, random, now.is_ranking)
                formula = grower.usable(grow.linear(grower, random.randint(2, 6)), now.formula)
                if formula is not None and choices(formula, now.features) != choices(now.formula, now.features):
                    source = now.with_formula(formula)
                    notes.append(f"{now.function}: {text_of(formula)}")
            if notes and source not in seen and len(source.encode()) <= MOST_BYTES:
                seen.add(source)
                yield Draft(source=source, operator=self.kind, operator_name=self.name, note="; ".join(notes))
