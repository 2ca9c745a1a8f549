"""The stages that run a rule: training, validation, and for finalists hidden, related and public instances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import sqrt
from statistics import fmean, stdev
from threading import Event

from evaluators.cascade import Cascade
from evaluators.schedulers.player import Answered, RuleFailed, open_player
from evaluators.schedulers.problem import Related, Split
from evaluators.schedulers.quick import Player, batches
from evaluators.schedulers.racing import Gains, Paddock, estimated, is_behind, is_hopeless
from evaluators.schedulers.scoring import OK, Row, Yardstick, summarise, table
from evaluators.schedulers.sets import Case, CaseBook
from nightforge.domain.evidence import Metric
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Alarm
from nightforge.errors import EvaluatorFault

METRIC = "gap_closed"
_RELATION_SLACK = 0.05
_SIGMAS = 3.0


class Course:
    """One candidate's way through the stages. Raises what a stage ends with; see `Cascade`."""

    def __init__(self, sandbox: Sandbox, source: str, book: CaseBook, cascade: Cascade, stop: Event) -> None:
        self._sandbox = sandbox
        self._source = source
        self._book = book
        self._cascade = cascade
        self._stop = stop

    def search(self, paddock: Paddock, best_score: float | None) -> None:
        """Training, out of which clearly worse ones are raced, then validation, whose gain is the score.

        Who falls behind the best there has a score estimated from what it played until then. The compiled driver's own
        costs will do to find that out; whoever seems to be better than the best is verified.
        """
        on_train, on_validation = paddock.gains_of(best_score) or (None, None)
        with self._book.open(self._source, Split.TRAIN, checked=False) as player:
            trained = self._train(player, on_train)
            with self._cascade.stage("validate") as notes:
                rows = self._unseen(self._validation(player), on_validation)
                notes.metrics |= summarise(rows)
                if on_validation is not None and is_behind(rows, on_validation, self._book.settings.race):
                    notes.metrics[METRIC] = estimated(notes.metrics[METRIC], rows, on_validation)
                    notes.feedback = f"behind the best after {len(rows)} of {len(on_validation)} instances"
                    return
                score = notes.metrics[METRIC].value
                if best_score is None or score > best_score:
                    self._check_engine(rows)
                paddock.remember(score, trained, rows)

    def confirm(self) -> list[Row]:
        """All again in new boxes; the score is the gain on the hidden instances, played one by one. Returns what the
        validation instances gave, which may be shown."""
        book = self._book
        with open_player(
            self._sandbox, self._source, book.problem, book.budget(Split.HIDDEN), together=book.settings.together
        ) as player:
            self._train(player, None)
            with self._cascade.stage("validate") as notes:
                validated = self._unseen(self._rows(player, book.cases(Split.VALIDATION)))
                notes.metrics |= summarise(validated, "validation_")
            self._check_engine(validated, checked=False)
        with open_player(self._sandbox, self._source, book.problem, book.budget(Split.HIDDEN)) as player:
            with self._cascade.stage("hidden") as notes:
                rows = self._unseen(self._rows(player, book.cases(Split.HIDDEN)))
                notes.metrics |= summarise(rows)
                low = notes.metrics[METRIC].low
                notes.metrics["distinguishable"] = Metric(value=float(low is not None and low > 0))
                proven = sum(row.yardstick.is_proven for row in rows)
                notes.feedback = f"references proven optimal for {proven} of {len(rows)} instances; else the best known"
            if isinstance(book.problem, Related):
                with self._cascade.stage("relations") as notes:
                    notes.metrics |= self._relations(player, book.problem)
        return validated

    def _check_engine(self, validated: Sequence[Row], *, checked: bool = True) -> None:
        """What selects a rule has to be what it does, by the verifier, and of a finalist by the program. Raises
        EvaluatorFault. `checked` as in `open_quick`: how the validation set is played again."""
        if not self._book.engine:
            return
        with self._book.open(self._source, Split.VALIDATION, checked=checked) as player:
            again = [row.cost for some in self._validation(player, most=len(validated)) for row in some]
        for row, cost in zip(validated, again, strict=True):
            if row.cost != cost:
                raise EvaluatorFault(
                    f"{row.instance} costs {row.cost} and {cost}: the compiled driver, its verifier and the program "
                    "do not agree",
                    where=self._book.problem.name,
                    hint="the drivers in C and in Python differ: please report it with the program",
                )

    def report_public(self) -> None:
        """Known benchmarks, for the report only: nothing that happens here ends the evaluation."""
        book = self._book
        cases = book.cases(Split.PUBLIC)
        if not cases:
            return
        with self._cascade.stage("public") as notes:
            # One box for all: after a failure the player opens another one by itself.
            with book.open(self._source, Split.PUBLIC) as player:
                rows = [self._row_or_failure(player, case) for case in cases]
            notes.metrics |= summarise(rows, "public_")
            for group in sorted({row.group for row in rows}):
                few = [row for row in rows if row.group == group]
                name = f"public_excess_pct.{group}"
                excess = summarise(few).get("excess_pct")
                notes.metrics |= {name: excess} if excess is not None else {}
            notes.feedback = "public instances, reported and never ranked\n" + table(rows, limit=200)

    def _train(self, player: Player, best: Gains | None) -> list[Row]:
        with self._cascade.stage("train") as notes:
            rows: list[Row] = []
            try:
                for some in self._rows(player, self._book.cases(Split.TRAIN)):
                    rows += some
                    if is_hopeless(rows, best, self._book.settings.race):
                        raise RuleFailed("raced_out", f"clearly below the best after {len(rows)} instances")
            except RuleFailed as failure:
                raise _with_table(failure, rows) from failure
            notes.metrics |= summarise(rows, "train_")
            notes.feedback = table(rows)
        return rows

    def _validation(self, player: Player, *, most: int | None = None) -> Iterator[list[Row]]:
        """The validation set and its further draws; `most` instances of them."""
        yield from self._rows(player, (*self._book.cases(Split.VALIDATION), *self._book.further())[:most])

    def _unseen(self, played: Iterator[list[Row]], best: Gains | None = None) -> list[Row]:
        """Rows of a set that is not shown, up to where it falls behind `best`.

        What fails there is told by its kind, never by the instance.
        """
        rows: list[Row] = []
        try:
            for some in played:
                rows += some
                if is_behind(rows, best, self._book.settings.race):
                    break
        except RuleFailed as failure:
            if failure.reason in set(Alarm):
                raise
            broken = f"the constraint {failure.constraint!r} is broken" if failure.constraint else failure.reason
            said = f"{broken} on an instance that is not shown"
            raise RuleFailed(failure.reason, said, failure.outcome, constraint=failure.constraint) from failure
        return rows

    def _rows(self, player: Player, cases: Sequence[Case]) -> Iterator[list[Row]]:
        """Batch by batch. Raises RuleFailed at an instance without a valid answer or with too good a one."""
        for batch in batches(player, cases):
            if self._stop.is_set():
                raise EvaluatorFault("the evaluation was stopped")
            answers = player.answers([case.instance for case in batch])
            yield [_row(case, answered) for case, answered in zip(batch, answers, strict=True)]

    def _row_or_failure(self, player: Player, case: Case) -> Row:
        try:
            [[row]] = self._rows(player, [case])
        except RuleFailed as failure:
            return Row(
                case.instance.name, case.instance.group, failure.reason, case.yardstick, reason=failure.feedback[:200]
            )
        return row

    def _relations(self, player: Player, problem: Related) -> dict[str, Metric]:
        """Raises RuleFailed for one who does clearly worse on the same instances under other names or units."""
        cases = self._book.cases(Split.VALIDATION)
        originals = [row for some in self._rows(player, cases) for row in some]
        changed: dict[str, list[Row]] = {}
        for case in cases:
            for relation, (instance, scale) in problem.related(case.instance).items():
                yard = case.yardstick
                scaled = Yardstick(
                    yard.baseline * scale, yard.reference * scale, yard.bound * scale, is_proven=yard.is_proven
                )
                [[row]] = self._rows(player, [replace(case, instance=instance, yardstick=scaled)])
                changed.setdefault(relation, []).append(row)
        metrics = {}
        for relation, rows in changed.items():
            drops = [before.gain - after.gain for before, after in zip(originals, rows, strict=True)]
            drop = fmean(drops)
            scatter = stdev(drops) / sqrt(len(drops)) if len(drops) > 1 else 0.0
            if drop > _RELATION_SLACK + _SIGMAS * scatter:
                raise RuleFailed(
                    Alarm.BREAKS_RELATION,
                    f"{relation}: {drop:.3f} of the gap less on the same instances, {_SIGMAS:g} standard errors "
                    f"and {_RELATION_SLACK} are allowed",
                )
            metrics[f"relation.{relation}"] = Metric(value=drop, unit="of the gap lost", samples=len(drops))
        return metrics


def _row(case: Case, answered: Answered) -> Row:
    instance = case.instance
    row = Row(instance.name, instance.group, OK, case.yardstick, answered.cost, cpu_ms=answered.cpu_s * 1000)
    if row.beyond_bound:
        raise RuleFailed(
            Alarm.BEYOND_BOUND,
            f"{instance.name}: cost {answered.cost} is below the proven bound {case.yardstick.bound}",
        )
    return row


def _with_table(failure: RuleFailed, rows: Sequence[Row]) -> RuleFailed:
    said = f"{failure.feedback}\n{table(rows)}" if rows else failure.feedback
    return RuleFailed(failure.reason, said, failure.outcome, constraint=failure.constraint)
