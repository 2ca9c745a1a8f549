"""The stages that run the candidate: smoke, correctness, quick, full; and confirm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from evaluators.cascade import Cascade, StageNotes
from evaluators.integrity.alarms import Bound, raise_alarm
from evaluators.kernels.bench import CANDIDATE, CONTROL, ROOF, Bench, Cast
from evaluators.kernels.correctness import Allowance, compare, examine
from evaluators.kernels.relations import RelationCheck, hidden_shapes
from evaluators.kernels.session import KernelFailed, KernelWorker
from evaluators.kernels.spec import Dims, KernelSettings
from evaluators.kernels.timing import Participant, Record, l3_bytes
from evaluators.statistics import is_distinguishable
from nightforge.domain.evidence import Metric
from nightforge.domain.words import Alarm, ClockKind, Direction, Outcome

_SMOKE_CALL_S = 1.5
_CORRECTNESS_CALL_S = 3.0
_DEFAULT_STAGE_S = 10.0
_CONFIRM_FACTOR = 2
_UNTIMED_IN_SEARCH = 2
_LEAST = {"memory": "the least memory traffic", "arithmetic": "the arithmetic alone"}


@dataclass(frozen=True)
class Job:
    """One evaluation as the measuring thread sees it."""

    cast: Cast
    dims: dict[str, int]
    cascade: Cascade
    wall_s: Mapping[str, float]
    noise: float
    best_score: float | None
    unseen: Sequence[Dims] = ()
    """Confirmation: shapes that are checked, and …"""
    unseen_timed: Sequence[Dims] = ()
    """… shapes that are timed, of which a search knows nothing."""

    @property
    def settings(self) -> KernelSettings:
        return self.cast.settings

    def limit_s(self, stage: str) -> float:
        return self.wall_s.get(stage, _DEFAULT_STAGE_S)


@dataclass(frozen=True)
class Pair:
    candidate: KernelWorker
    reference: KernelWorker

    @contextmanager
    def participants(self, bench: Bench) -> Iterator[list[Participant]]:
        """Both, with as many further processes as the timing wants."""
        settings = bench.settings
        with (
            bench.take_turns(bench.candidate_program(), self.candidate) as candidates,
            bench.take_turns(bench.reference_program(settings.reference), self.reference) as references,
        ):
            yield [Participant(candidates, judged=True), Participant(references)]


@contextmanager
def _checked(bench: Bench, job: Job) -> Iterator[Pair]:
    """Candidate and reference, past smoke and correctness."""
    with ExitStack() as stack:
        reference = stack.enter_context(bench.open(bench.reference_program(job.settings.reference)))
        yield stack.enter_context(checked_beside(bench, job, reference))


@contextmanager
def checked_beside(bench: Bench, job: Job, reference: KernelWorker) -> Iterator[Pair]:
    """The candidate past smoke and correctness, beside a reference that is already there."""
    settings = job.settings
    with ExitStack() as stack:
        with job.cascade.stage("smoke"):
            candidate = stack.enter_context(bench.open(bench.candidate_program()))
            first = settings.distributions[:2]
            allowance = Allowance(job.limit_s("smoke"), _SMOKE_CALL_S)
            examine(bench.examiner, candidate, reference, settings.smoke, first, bench.rng, allowance=allowance)
        with job.cascade.stage("correctness") as notes:
            worst, calls = examine(
                bench.examiner,
                candidate,
                reference,
                settings.correctness,
                settings.distributions,
                bench.rng,
                allowance=Allowance(job.limit_s("correctness"), _CORRECTNESS_CALL_S),
            )
            notes.metrics["err_rel"] = Metric(value=worst, samples=calls)
            notes.feedback = f"{calls} calls checked against float64, largest error {worst:.1e} of the scale"
        yield Pair(candidate, reference)


def correctness(bench: Bench, job: Job) -> None:
    with _checked(bench, job):
        pass


def search(bench: Bench, job: Job) -> None:
    with _checked(bench, job) as pair, ExitStack() as stack:
        with job.cascade.stage("quick") as notes:
            _untimed(bench, job, pair, Allowance(job.limit_s("correctness")), most=_UNTIMED_IN_SEARCH)
            racers = stack.enter_context(pair.participants(bench))
            _quick(bench, job, racers, notes)
        with job.cascade.stage("full") as notes:
            allowance = Allowance(job.limit_s("full"))
            _full(bench, job, racers, notes, job.settings.timing.rounds, allowance, strays=bench.untimed())


def confirm(bench: Bench, job: Job) -> None:
    """A new process, hidden shapes, twice the rounds: the only numbers that may be called results."""
    settings = job.settings
    with job.cascade.stage("confirm") as notes, ExitStack() as stack:
        reference = stack.enter_context(bench.open(bench.reference_program(settings.reference)))
        candidate = stack.enter_context(bench.open(bench.candidate_program()))
        pair = Pair(candidate, reference)
        allowance = Allowance(job.limit_s("confirm"))
        worst, calls = examine(
            bench.examiner,
            candidate,
            reference,
            job.unseen,
            settings.distributions,
            bench.rng,
            allowance=allowance,
        )
        calls += _related(bench, job, pair, allowance)
        calls += _untimed(bench, job, pair, Allowance(job.limit_s("correctness")))
        racers = stack.enter_context(pair.participants(bench))
        for index, dims in enumerate(job.unseen_timed):
            record = bench.race(racers, dims, settings.timing.rounds, allowance)
            name = "speedup.hidden" if index == 0 else f"speedup.hidden-{index + 1}"
            notes.metrics[name] = record.ratio(settings.reference, CANDIDATE).metric("x")
        names = bench.untimed()
        strays = [*names, *names[1:], *names[:1]]
        _full(bench, job, racers, notes, _CONFIRM_FACTOR * settings.timing.rounds, allowance, strays=strays)
        notes.feedback += f"; {calls} untimed calls checked, most on hidden shapes, largest error there {worst:.1e}"


def _related(bench: Bench, job: Job, pair: Pair, allowance: Allowance) -> int:
    """The task's relations on its largest hidden shapes: twice as many calls as relations that held."""
    if job.cast.relations is None:
        return 0
    check = RelationCheck(bench.examiner, job.cast.relations, allowance)
    name = job.settings.distributions[0]
    sides = {"candidate": pair.candidate, "reference": pair.reference}
    return sum(2 * check.run(bench.rng, dims, name, **sides) for dims in hidden_shapes(job.unseen))


def _untimed(bench: Bench, job: Job, pair: Pair, allowance: Allowance, *, most: int | None = None) -> int:
    """The timed shape on distributions that are never timed: a shortcut taken on long data only is seen here.

    All of them, or `most` that chance picks. Returns the number of checked calls.
    """
    chosen = bench.untimed()[:most]
    for name in chosen:
        question = bench.examiner.pose(bench.rng, job.dims, name)
        compare(bench.examiner, pair.candidate, pair.reference, question, allowance)
    return len(chosen)


def _quick(bench: Bench, job: Job, racers: Sequence[Participant], notes: StageNotes) -> None:
    timing = job.settings.timing
    record = bench.race(racers, job.dims, timing.quick_rounds, Allowance(job.limit_s("quick")))
    ratio = record.ratio(job.settings.reference, CANDIDATE)
    notes.metrics["speedup"] = ratio.metric("x")
    notes.metrics["cpu_ms"] = record.time_ms(CANDIDATE, ClockKind.CPU_MS).metric("ms")
    needed_s = record.time_ms(CANDIDATE, job.settings.clock).value / 1000 * timing.rounds
    if needed_s > job.limit_s("full"):
        raise KernelFailed(
            "too_slow", f"{timing.rounds} rounds would take {needed_s:.1f} s of its own time", Outcome.TIMEOUT
        )
    if job.best_score is not None and ratio.value < job.best_score / timing.drop_factor:
        raise KernelFailed(
            "slower",
            f"{ratio.value:.2f} x {job.settings.reference}; the best so far reaches {job.best_score:.2f} x, and what "
            f"takes more than {timing.drop_factor} times as long is dropped",
        )


def _full(
    bench: Bench,
    job: Job,
    racers: Sequence[Participant],
    notes: StageNotes,
    rounds: int,
    allowance: Allowance,
    *,
    strays: Sequence[str],
) -> None:
    with bench.opponents(job.cast.others) as opponents:
        _warm_up(bench, job, [*racers, *opponents])
        record = bench.race([*racers, *opponents], job.dims, rounds, allowance, strays)
    names = [recipe.baseline.name for recipe in job.cast.others]
    notes.metrics.update(_metrics(job, record, names))
    _refuse_the_impossible(job, record)
    notes.feedback = _summary(job, notes.metrics)


def _warm_up(bench: Bench, job: Job, present: Sequence[Participant]) -> None:
    """One untimed call of each other baseline: its first call (imports, scratch memory) is not held against it."""
    names = {recipe.baseline.name for recipe in job.cast.others}
    if names:
        chosen = [p for p in present if p.name in names or p.name == job.settings.reference]
        bench.race(chosen, job.dims, 1)


def _metrics(job: Job, record: Record, others: list[str]) -> dict[str, Metric]:
    reference = job.settings.reference
    speedup = record.ratio(reference, CANDIDATE)
    control = record.ratio(reference, CONTROL)
    noise = max(job.noise, control.spread if job.noise == 0.0 else 0.0)
    distinct = is_distinguishable(speedup, noise=noise, control=control.value)
    time_ms = record.time_ms(CANDIDATE, job.settings.clock).value
    roof_ms = record.time_ms(ROOF, job.settings.clock).value / job.settings.threads
    threads = {"threads": Metric(value=job.settings.threads)} if job.settings.threads > 1 else {}
    return {
        **threads,
        "speedup": speedup.metric("x"),
        **{f"speedup.{name}": record.ratio(name, CANDIDATE).metric("x") for name in others},
        "cpu_ms": record.time_ms(CANDIDATE, ClockKind.CPU_MS).metric("ms"),
        "wall_ms": record.time_ms(CANDIDATE, ClockKind.WALL_MS).metric("ms"),
        "err_rel": Metric(value=record.worst_error(CANDIDATE), samples=record.rounds),
        "roof_pct": Metric(value=100.0 * roof_ms / time_ms, unit="%"),
        "control_ratio": control.metric("x"),
        "distinguishable": Metric(value=float(distinct)),
        "page_faults": record.faults(CANDIDATE).metric("per call"),
    }


def _refuse_the_impossible(job: Job, record: Record) -> None:
    """Data larger than the last cache cannot be moved faster than memory allows, nor sums be done faster than ever."""
    settings = job.settings
    if settings.roof_kind == "memory" and settings.traffic_bytes(job.dims) <= l3_bytes():
        return
    times = [record.time_ms(CANDIDATE, settings.clock).value]
    times.append(record.time_ms(ROOF, settings.clock).value / settings.threads)
    roof = Bound(
        settings.clock,
        Direction.MIN,
        times[1],
        f"the time of {_LEAST[settings.roof_kind]}: the work cannot have been done",
        alarm=Alarm.BELOW_ROOF,
        slack=1 - settings.timing.roof_slack,
    )
    raised = raise_alarm({settings.clock: Metric(value=times[0], unit="ms")}, [roof])
    if raised is not None:
        raise KernelFailed(raised.alarm, raised.feedback)


def _time(job: Job, metrics: Mapping[str, Metric]) -> str:
    if job.settings.threads == 1:
        return f"{metrics['cpu_ms'].value:.2f} ms CPU"
    return f"{metrics['wall_ms'].value:.2f} ms by the wall on {job.settings.threads} threads"


def _summary(job: Job, metrics: Mapping[str, Metric]) -> str:
    speedup = metrics["speedup"]
    words = (
        f"{_time(job, metrics)}, {speedup.value:.3f} x {job.settings.reference} "
        f"[{speedup.low:.3f}, {speedup.high:.3f}], {metrics['roof_pct'].value:.0f} % of the "
        f"{job.settings.roof_kind} roof, "
        f"{metrics['page_faults'].value:.0f} page faults per call, error {metrics['err_rel'].value:.1e}"
    )
    return words if metrics["distinguishable"].value else words + "; not distinguishable from noise"
