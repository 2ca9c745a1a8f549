"""The integrity layer through its second user, the toy domain, and through oracles made blind on purpose."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nightforge_toy.evaluator import ToyEvaluator

import tasks
from evaluators.integrity.alarms import Bound, raise_alarm
from evaluators.integrity.c_mutants import mutate_c
from evaluators.integrity.examination import Extent, examine_task
from evaluators.integrity.mutation import MutationTest, draw_mutants
from evaluators.integrity.relations import Relation, first_broken
from evaluators.integrity.seams import Change, Honest, Mutant
from evaluators.integrity.stored import read_report, summarise, write_report
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.integrity import Finding, IntegrityReport, MutantFate, MutantResult, MutationReport
from nightforge.domain.task import Task
from nightforge.domain.words import Alarm, Direction, Outcome, SandboxTier
from nightforge.errors import EvaluatorFault, UserError
from nightforge.fingerprint import INTEGRITY_FILE
from sandbox.probe import open_sandbox
from tools.rewrites.syntax import Unit

TOY = Path(__file__).parents[2] / "toy_domain" / "nightforge_toy" / "tasks" / "toy-peak"
SUM = """// nf: tune BLOCK in {16, 32}
#define BLOCK 16
#define STEP 1
int total(const float *x, float *y, int n) {
    float sum = 0.5f;
    for (int i = 0; i < n; i++) {
        sum += x[i] - y[i];
    }
    y[0] = sum > 1.0f ? sum : 1.0f;
    return 0;
}
"""


@pytest.fixture
def task(tmp_path: Path) -> Task:
    for path in TOY.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return load_task(tmp_path)


async def examined(evaluator: ToyEvaluator, task: Task) -> IntegrityReport:
    return await examine_task(evaluator, task, {}, Extent(seed=7), say=lambda text: None)


async def test_a_domain_that_offers_its_checks_gets_its_score(task: Task) -> None:
    report = await examined(ToyEvaluator(open_sandbox()), task)
    mutation = report.mutation
    assert mutation is not None
    assert (mutation.score, mutation.counted, report.complaints, report.not_offered) == (1.0, 14, (), ())
    assert mutation.counts[MutantFate.EQUIVALENT] == 2
    assert {result.why for result in mutation.results if result.fate is MutantFate.EQUIVALENT} == {
        "the same numbers in the same lines"
    }
    assert {(check.name, check.outcome) for check in report.admission} == {
        ("seed.txt", "passed"),
        ("zeros", "wrong_output"),
        ("empty", "no_numbers"),
    }
    assert report.rehearsal is not None
    assert report.rehearsal.held


class BlindEvaluator(ToyEvaluator):
    """Looks at nothing but that there are numbers."""

    def _stages(self, source: str, seed: int) -> Sequence[StageEvidence]:
        stages = super()._stages(source, seed)
        if stages[-1].reason == "wrong_output":
            height = {"height": Metric(value=1.0, unit="m")}
            return [stages[0], StageEvidence(stage="full", outcome=Outcome.PASS, metrics=height)]
        return stages


async def test_a_blind_evaluator_is_told_so(task: Task) -> None:
    report = await examined(BlindEvaluator(open_sandbox()), task)
    assert report.mutation is not None
    assert [one.why for one in report.mutation.survivors] == [
        "other answers are accepted, and none of them is called inexact"
    ] * 6
    assert report.mutation.score == pytest.approx(8 / 14)
    assert any(complaint.startswith("zeros") for complaint in report.complaints)
    assert "mutation score 57.1% is below 95%" in report.complaints


def test_a_tolerance_that_hides_too_much_is_named() -> None:
    def result(fate: MutantFate) -> MutantResult:
        return MutantResult(mutant_id="a", origin="a", operator="a", line=1, before="a", after="b", fate=fate, why="")

    def complaints(caught: int, apart: int) -> Sequence[str]:
        fates = [MutantFate.CAUGHT] * caught + [MutantFate.SUB_TOLERANCE] * apart
        mutation = MutationReport(seed=1, results=tuple(result(fate) for fate in fates))
        return IntegrityReport(
            task="t", evaluator="e", digest="d", made_at=datetime.now(UTC), mutation=mutation
        ).complaints

    assert complaints(90, 10) == ()
    assert complaints(90, 11) == ("11 mutants stay within the tolerance: it is too wide",)


async def test_an_evaluator_that_offers_nothing_is_named(task: Task) -> None:
    class Closed(ToyEvaluator):
        open_checker = None  # type: ignore[assignment]

    report = await examine_task(Closed(open_sandbox()), task, {}, Extent(rehearsal=False), say=lambda text: None)
    assert (report.mutation, report.admission) == (None, ())
    assert len(report.not_offered) == 1


class Lucky:
    """Accepts `good` always and `lucky` on the data of every seed below 9."""

    async def tools(self) -> Mapping[str, str]:
        return {}

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        return await self.recheck(source, seed=7)

    async def recheck(self, source: str, *, seed: int) -> Finding:
        accepted = source in {"good", "near", "same"} or (source == "lucky" and seed < 9)
        answers = "other" if source == "near" else "right"
        return Finding(
            built=source != "unborn",
            accepted=accepted,
            stage="check",
            reason="wrong",
            answers=answers,
            share=0.4 if source == "near" else 0.0,
        )

    async def prove_equal(self, one: str, other: str) -> str:
        return ""


async def test_fates_are_told_apart() -> None:
    names = ("bad", "lucky", "near", "same", "unborn")
    mutants = [Mutant("seed", Change("constant", 1, "good", name, name)) for name in names]
    report = await MutationTest(Lucky(), [Honest("seed", "good")], seed=7).run(mutants)
    fates = dict(zip(names, (result.fate for result in report.results), strict=True))
    assert fates == {
        "bad": MutantFate.CAUGHT,
        "lucky": MutantFate.SURVIVED,
        "near": MutantFate.SUB_TOLERANCE,
        "same": MutantFate.SURVIVED,
        "unborn": MutantFate.STILLBORN,
    }
    assert "caught with seed 9" in report.results[1].why
    assert report.score == pytest.approx(1 / 3)


class Shaky(Lucky):
    """With seed 9 refuses `lucky`'s whole family, with seed 10 its mutant alone."""

    async def recheck(self, source: str, *, seed: int) -> Finding:
        found = await super().recheck(source, seed=seed)
        accepted = seed != 9 and (source != "near" or seed != 10)
        return found.model_copy(update={"accepted": accepted, "answers": "other" if source == "near" else "right"})


async def test_data_that_the_original_does_not_stand_judge_no_mutant() -> None:
    def mutation(source: str, *, derived: bool, seed: int = 7) -> MutationTest:
        return MutationTest(Shaky(), [Honest("o", "good", is_derived=derived)], seed=seed)

    async def judged(source: str, *, derived: bool, seed: int = 7) -> MutantResult:
        test = mutation(source, derived=derived, seed=seed)
        return (await test.run([Mutant("o", Change("op", 1, "a", "b", source))])).results[0]

    same = await judged("same", derived=True)
    assert (same.fate, same.why) == (MutantFate.SURVIVED, "same answers on all data, and no proof that it must be so")
    near = await judged("near", derived=True)
    assert "caught with seed 10" in near.why, "seed 9 says nothing, seed 10 does"
    later = await judged("near", derived=True, seed=10**6)
    assert (later.fate, "4 further draws" in later.why) == (MutantFate.SUB_TOLERANCE, True)
    with pytest.raises(EvaluatorFault, match="a correct program does not pass with seed 9"):
        await judged("same", derived=False)


async def test_a_correct_program_that_does_not_pass_is_our_fault() -> None:
    with pytest.raises(EvaluatorFault, match="a correct program does not pass"):
        await MutationTest(Lucky(), [Honest("seed", "bad")], seed=7).run([])


def test_c_mutants_cover_the_fixed_list_and_leave_tunables_alone() -> None:
    changes = list(mutate_c(SUM))
    assert {change.operator for change in changes} == {
        "constant",
        "operator",
        "bound",
        "dropped statement",
        "swapped operand",
        "precision",
    }
    assert [change.source for change in changes] == [change.source for change in mutate_c(SUM)]
    assert SUM not in {change.source for change in changes}
    assert 2 not in {change.line for change in changes}
    assert 3 in {change.line for change in changes}
    assert {"y[i] - x[i]", "x[i] + y[i]", "n - 1", "n + 1"} <= {change.after for change in changes}


def test_mutants_come_in_an_order_that_the_seed_decides() -> None:
    honest = [Honest("a", SUM), Honest("b", SUM.replace("0.5f", "0.25f"))]
    one, again, other = (draw_mutants(honest, mutate_c, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert len({mutant.change.source for mutant in one}) == len(one)
    assert {mutant.origin for mutant in one[:8]} == {"a", "b"}


@pytest.mark.parametrize(
    ("direction", "value", "low", "high", "raised"),
    [
        (Direction.MAX, 11.0, None, None, True),
        (Direction.MAX, 10.5, 9.5, 11.5, False),
        (Direction.MAX, 12.0, 10.9, 13.0, True),
        (Direction.MAX, 10.05, None, None, False),
        (Direction.MIN, 9.0, None, None, True),
        (Direction.MIN, 9.0, 8.0, 10.5, False),
    ],
)
def test_an_alarm_needs_the_whole_interval_beyond_the_bound(
    direction: Direction, value: float, low: float | None, high: float | None, raised: bool
) -> None:
    metric = Metric(value=value, low=low, high=high)
    bound = Bound("height", direction, 10.0, "a proof", slack=0.01)
    found = raise_alarm({"height": metric}, [bound])
    assert (found is not None) is raised
    assert raise_alarm({}, [bound]) is None


def test_evidence_says_which_failures_are_alarms() -> None:
    def ended(reason: str) -> Evidence:
        stage = StageEvidence(stage="full", outcome=Outcome.FAIL, reason=reason)
        return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))

    assert ended("below_roof").alarm is Alarm.BELOW_ROOF
    assert ended("wrong_output").alarm is None


@pytest.mark.parametrize(("answer", "held"), [(sum, True), (max, True), (lambda values: values[0], False)])
def test_relations_are_broken_by_what_does_not_relate(answer: object, held: bool) -> None:
    assert callable(answer)
    doubled = Relation[list[float], float]("scale", lambda q: [2 * value for value in q], lambda a: 2 * a)
    turned = Relation[list[float], float]("reverse", lambda q: q[::-1], lambda a: a)
    broken = first_broken(
        [doubled, turned],
        [1.0, 5.0, 3.0],
        ask=answer,
        distance=lambda one, other: abs(one - other),
        allowed=lambda _: 1e-9,
    )
    assert (broken is None) is held
    if broken is not None:
        assert broken.relation == "reverse"


def test_an_answer_that_is_no_number_relates_to_nothing() -> None:
    same = Relation[float, float]("same", lambda q: q, lambda a: a)
    assert first_broken([same], 1.0, ask=lambda q: q, distance=lambda a, b: float("nan"), allowed=lambda _: 1.0)


async def test_a_report_speaks_of_the_folder_that_was_checked(task: Task) -> None:
    assert summarise(task).problem == "never checked"
    report = await examined(ToyEvaluator(open_sandbox()), task)
    write_report(task.root / INTEGRITY_FILE, report)
    assert read_report(task) == report
    assert (summarise(task).problem, summarise(task).score) == ("", 1.0)
    (task.root / "seed.txt").write_text("X = 4\nY = 5\n", encoding="utf-8")
    assert summarise(task).problem == "the task has changed since its check"
    (task.root / INTEGRITY_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="no integrity report"):
        read_report(task)


def test_every_honest_program_in_c_can_be_mutated() -> None:
    """Else `task check` ends at it."""
    folders = [Path(str(point)) for point in tasks.__path__]
    programs = sorted(path for folder in folders for path in folder.glob("*/honest/*.c"))
    assert len(programs) > 10
    assert [path for path in programs if Unit.parse(path.read_text()) is None] == []


def test_a_program_that_does_not_parse_is_named() -> None:
    with pytest.raises(UserError, match="parses") as caught:
        draw_mutants([Honest("honest/odd.c", "int f( {")], mutate_c, seed=1)
    assert caught.value.where == "honest/odd.c"
    assert "_Alignas" in caught.value.hint
