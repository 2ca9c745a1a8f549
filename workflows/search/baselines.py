"""Baselines: what every search policy is held against at an equal budget.

They derive all that they need from the store, so that a resumed campaign goes on with the same one, and look at a
bounded number of its rows, so that a decision costs the same at any size. `tell` has nothing to keep.

`random`      any measured program, any operator, any of its proposals: a drift without selection
`best-of-n`   n independent variations of the seed: what parallel sampling gives without evolution
`hill-climb`  the best program is varied; after a while without a better one, a random one (random restart)
`ga`          a steady-state genetic algorithm: tournaments within the best, crossover or mutation
`tpe`         the seed's declared tunables, searched by Optuna's tree-structured Parzen estimator
`linear-rules`  weighted sums of a rule's features, drawn anew each time: what an evolved rule has to beat
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agents.offline.coder import is_free, load_operators, suits
from nightforge.domain.base import Scalar
from nightforge.domain.candidate import Parent
from nightforge.domain.search import Choice, Policy, PolicyContext, Result
from nightforge.domain.team import Operator, OperatorContext, Program
from nightforge.domain.words import OperatorKind, TeamKind
from nightforge.errors import NotFound, UserError
from tools.rules.operators import LINEAR
from tools.rules.program import rules_of
from tools.tuning import TPE, parse_tunables
from workflows.search.intensity import PATIENCE, restarts

SEED = 0
_DRAWS = 24
"""Rows looked at to find a measured one by chance; the seed when there was none among them."""
_SEEN_BY_TPE = 64
MODEL_KINDS = (OperatorKind.DIFF, OperatorKind.FULL)


class Baseline:
    """What they share: the campaign's rows, and numbers set by name in `search.policy_parameters`."""

    name: str
    settings: dict[str, float] = {}  # noqa: RUF012
    """Parameter → default."""

    def __init__(self, context: PolicyContext) -> None:
        self.context = context
        self._values = {**self.settings, **self._given(context.plan.search.policy_parameters)}
        self._operators = () if context.plan.team is TeamKind.LLM else _mutations(context)

    def _given(self, parameters: dict[str, Scalar]) -> dict[str, float]:
        given: dict[str, float] = {}
        for name, value in parameters.items():
            if name not in self.settings or isinstance(value, (bool, str)):
                known = ", ".join(f"{key} = {default:g}" for key, default in self.settings.items()) or "none"
                raise UserError(
                    f"policy {self.name} has no parameter {name} = {value!r}",
                    where="search.policy_parameters",
                    hint=f"its parameters, all numbers: {known}",
                )
            given[name] = float(value)
        return given

    def setting(self, name: str) -> float:
        return self._values[name]

    async def tell(self, result: Result) -> None:
        """The store keeps all that is needed."""

    def best(self, count: int) -> Sequence[Parent]:
        return self.context.store.parents(self.context.campaign_id, limit=count)

    def drawn(self, ordinal: int, random: Random) -> int:
        """A measured candidate, each as likely as any other."""
        store, campaign_id = self.context.store, self.context.campaign_id
        for _ in range(_DRAWS):
            number = random.randrange(ordinal)
            try:
                candidate = store.candidate(campaign_id, number)
            except NotFound:  # in flight, and not yet a row
                continue
            if candidate.state.may_be_parent and not candidate.discarded:
                return number
        return SEED

    def mutation(self, parent: int, random: Random) -> tuple[OperatorKind | None, str]:
        """A way to vary `parent`, each that applies as likely as any other; for a model, any kind of edit."""
        if self.context.plan.team is TeamKind.LLM:
            return random.choice(MODEL_KINDS), ""
        store, campaign_id = self.context.store, self.context.campaign_id
        sha = store.candidate(campaign_id, parent).code_sha
        program = Program(ordinal=parent, source=store.source(sha) if sha else "")
        asked = OperatorContext(language=self.context.task.language.lower(), parent=program, seed=parent)
        for operator in random.sample(self._operators, len(self._operators)):
            if operator.propose(asked):
                return operator.kind, operator.name
        return None, ""


def _mutations(context: PolicyContext) -> tuple[Operator, ...]:
    """Operators of one parent; those on request belong to policies of their own."""
    return tuple(
        operator
        for operator in load_operators()
        if suits(operator, context.task.language, context.plan.parameters)
        and operator.kind is not OperatorKind.CROSSOVER
        and is_free(operator)
    )


class RandomSearch(Baseline):
    name = "random"

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        parent = self.drawn(ordinal, random)
        kind, operator = self.mutation(parent, random)
        return Choice(parents=(parent,), operator=kind, operator_name=operator, by_chance=True, reason="by chance")


class BestOfN(Baseline):
    name = "best-of-n"

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        return Choice(parents=(SEED,), reason="an independent variation of the seed")


class HillClimb(Baseline):
    name = "hill-climb"
    settings = {"patience": float(PATIENCE)}  # noqa: RUF012

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        """The best; from `patience` evaluations without a better one on, in every second candidate, a random one."""
        tally = self.context.store.tally(self.context.campaign_id)
        idle = tally.evaluations - tally.last_improvement_evaluation
        if (share := restarts(idle, self.setting("patience"))) and random.random() < share:
            return Choice(parents=(self.drawn(ordinal, random),), reason=f"restart after {idle} without a gain")
        best = self.best(1)
        return Choice(parents=(best[0].ordinal if best else SEED,), reason="the best so far")


class Genetic(Baseline):
    """Goldberg's operators in the steady state: the population is the best `population` programs ever measured."""

    name = "ga"
    settings = {"population": 16.0, "tournament": 3.0, "crossover": 0.5}  # noqa: RUF012

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        population = list(self.best(max(1, int(self.setting("population")))))
        if not population:
            return Choice(parents=(SEED,), reason="no population yet")
        mother = self._tournament(population, random)
        rest = [parent for parent in population if parent.ordinal != mother.ordinal]
        if rest and random.random() < self.setting("crossover"):
            father = self._tournament(rest, random)
            return Choice(
                parents=(mother.ordinal, father.ordinal), operator=OperatorKind.CROSSOVER, reason="crossover of two"
            )
        kind, operator = self.mutation(mother.ordinal, random)
        return Choice(parents=(mother.ordinal,), operator=kind, operator_name=operator, reason="mutation")

    def _tournament(self, population: Sequence[Parent], random: Random) -> Parent:
        entrants = random.choices(population, k=max(1, int(self.setting("tournament"))))
        return max(entrants, key=lambda parent: parent.score_low)


class ParzenEstimator(Baseline):
    name = "tpe"

    def __init__(self, context: PolicyContext) -> None:
        super().__init__(context)
        if context.plan.team is TeamKind.LLM:
            raise UserError("policy tpe needs no model", where="search.policy", hint="add --offline")
        if not parse_tunables(context.task.read(context.task.seed)):
            raise UserError(
                f"task {context.task.name}: its seed declares no tunables, so that tpe has nothing to search",
                where="search.policy",
                hint="`nf: tune NAME in {1, 2, 4}` in a comment of the seed declares one",
            )

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        """The seed's family: the best and the newest of it are the study that the sampler learns from."""
        store, campaign_id = self.context.store, self.context.campaign_id
        newest = [
            candidate.ordinal
            for candidate in store.recent(campaign_id, limit=_SEEN_BY_TPE)
            if candidate.state.may_be_parent and not candidate.discarded
        ]
        known = dict.fromkeys([*(parent.ordinal for parent in self.best(_SEEN_BY_TPE // 2)), *newest])
        others = tuple(other for other in known if other != SEED)[:_SEEN_BY_TPE]
        return Choice(
            parents=(SEED, *others), operator=OperatorKind.TUNE, operator_name=TPE, reason="the sampler's proposal"
        )


class LinearRules(Baseline):
    name = "linear-rules"

    def __init__(self, context: PolicyContext) -> None:
        super().__init__(context)
        if context.plan.team is TeamKind.LLM:
            raise UserError("policy linear-rules needs no model", where="search.policy", hint="add --offline")
        if not any(rule.features for rule in rules_of(context.task.read(context.task.seed))):
            raise UserError(
                f"task {context.task.name}: its seed is no rule over features",
                where="search.policy",
                hint="`nf: feature NAME UNIT` in a comment of the seed declares one",
            )

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        return Choice(
            parents=(SEED,), operator=OperatorKind.REWRITE, operator_name=LINEAR, reason="a weighted sum by chance"
        )


def make_random(context: PolicyContext) -> Policy:
    return RandomSearch(context)


def make_best_of_n(context: PolicyContext) -> Policy:
    return BestOfN(context)


def make_hill_climb(context: PolicyContext) -> Policy:
    return HillClimb(context)


def make_ga(context: PolicyContext) -> Policy:
    return Genetic(context)


def make_tpe(context: PolicyContext) -> Policy:
    return ParzenEstimator(context)


def make_linear_rules(context: PolicyContext) -> Policy:
    return LinearRules(context)
