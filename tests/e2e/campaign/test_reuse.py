"""Evaluations made before: taken where they are valid, shown as taken, never in a confirmation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from nightforge_toy.evaluator import ToyEvaluator

from nightforge.domain.base import Scalar
from nightforge.domain.candidate import Candidate, Tally
from nightforge.domain.evidence import Evidence
from nightforge.domain.plan import Budget
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState
from workflows import reuse
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
GOAL = "climb the hill to its peak"
EVALUATIONS = 16


class Lasting(ToyEvaluator):
    tools = "1.0"
    asked = 0

    def is_lasting(self, evidence: Evidence) -> bool:
        return True

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        type(self).asked += 1
        base = await super().fingerprint(task, parameters)
        return base[:-4] + f"{sum(self.tools.encode()):04x}"


@pytest.fixture
def evaluator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Lasting]:
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    return type("Own", (Lasting,), {})


def logged(tmp_path: Path) -> list[str]:
    """`phase sha` of each evaluation that really ran, oldest first; reading empties the log."""
    log = tmp_path / "log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return lines


async def run(night: Night, evaluator: type[ToyEvaluator], **request: object) -> tuple[str, list[Candidate], Tally]:
    """One candidate at a time with one seed: the same campaign again writes the same programs."""
    night.house.evaluators = {"toy": evaluator}
    wanted = NightRequest(goal=GOAL, budget=Budget(evaluations=EVALUATIONS), in_flight=1, seed=11)
    assert isinstance(await night.begin(wanted.model_copy(update=request)), AwaitApproval)
    done = await night.approve()
    assert isinstance(done, Done)
    last = night.store.next_ordinal(done.campaign_id)
    candidates = [night.store.candidate(done.campaign_id, at) for at in range(last)]
    return done.campaign_id, candidates, night.store.tally(done.campaign_id)


async def test_the_same_work_is_done_once_and_confirmed_anew(
    open_toy_night: NightOpener, evaluator: type[Lasting], tmp_path: Path
) -> None:
    async with open_toy_night() as night:
        first, before, _ = await run(night, evaluator)
        first_log = logged(tmp_path)
    async with open_toy_night() as night:
        second, after, tally = await run(night, evaluator)
        second_log = logged(tmp_path)
        attempts = [attempt for one in after for attempt in night.store.attempts(second, one.ordinal)]
    taken = [one for one in after if one.evidence is not None and one.evidence.taken_from]
    assert tally.evaluations == EVALUATIONS
    repeated = [attempt for attempt in attempts if attempt.evidence is not None and attempt.evidence.taken_from]
    assert tally.evaluations_taken == len(repeated) >= len(taken) >= EVALUATIONS // 2
    for one in taken:
        source = next(old for old in before if f"{first}.{old.ordinal}" == one.evidence.taken_from)  # type: ignore[union-attr]
        assert source.code_sha == one.code_sha
        assert source.evidence is not None
        assert one.evidence == source.evidence.model_copy(update={"taken_from": f"{first}.{source.ordinal}"})
    searched = {line for line in second_log if line.startswith("search ")}
    assert not {f"search {one.code_sha}" for one in taken} & searched
    assert after[0].evidence is not None
    assert after[0].evidence.taken_from == "", "the seed is measured anew: it shows that the evaluator works today"
    confirmed = [one for one in after if one.state is CandidateState.CONFIRMED]
    assert confirmed
    ran = [line for line in second_log if line.startswith("confirmation ")]
    assert sorted(ran) == sorted(f"confirmation {one.code_sha}" for one in after if one.confirmation is not None)
    assert len(ran) == len([line for line in first_log if line.startswith("confirmation ")])


@pytest.mark.parametrize("changed", ["tools", "parameters", "switched off", "evaluator's word"])
async def test_nothing_is_taken_when_the_question_is_another(
    open_toy_night: NightOpener, evaluator: type[Lasting], changed: str
) -> None:
    async with open_toy_night() as night:
        await run(night, evaluator)
    request: dict[str, object] = {}
    match changed:
        case "tools":
            evaluator.tools = "1.1"
        case "parameters":
            evaluator = type("Other", (evaluator,), {"fingerprint": _with_parameter})
        case "switched off":
            request["reuse_evaluations"] = False
        case "evaluator's word":
            evaluator = type("Timed", (evaluator,), {"is_lasting": lambda self, evidence: False})
    async with open_toy_night() as night:
        _, _, tally = await run(night, evaluator, **request)
        if changed == "evaluator's word":
            assert tally.evaluations_taken > 0, "what was kept when it was lasting is still there"
            return
    assert tally.evaluations_taken == 0


async def _with_parameter(self: Lasting, task: Task, parameters: Mapping[str, Scalar]) -> str:
    return await Lasting.fingerprint(self, task, {**parameters, "n": 7})


async def test_what_is_timed_is_never_kept(open_toy_night: NightOpener, evaluator: type[Lasting]) -> None:
    timed = type("Timed", (evaluator,), {"is_lasting": lambda self, evidence: False})
    for _ in range(2):
        async with open_toy_night() as night:
            _, _, tally = await run(night, timed)
    assert tally.evaluations_taken == 0


async def test_tools_that_change_while_a_campaign_runs_leave_nothing_under_the_old_name(
    open_toy_night: NightOpener, evaluator: type[Lasting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reuse, "FINGERPRINT_S", 1e9)

    class Replaced(evaluator):  # type: ignore[misc, valid-type]
        """Asked at the start: 1.0. Asked at the end: a new compiler."""

        async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
            type(self).tools = "1.0" if type(self).asked == 0 else "2.0"
            answer: str = await super().fingerprint(task, parameters)
            return answer

    async with open_toy_night() as night:
        campaign_id, _, _ = await run(night, Replaced)
        kinds = [event.kind for event in night.store.events(campaign_id, limit=10_000)]
        assert kinds.count("evaluator.changed") == 1
    for tools in ("1.0", "2.0"):
        evaluator.tools = tools
        async with open_toy_night() as night:
            _, _, tally = await run(night, evaluator, reuse_evaluations=True)
            assert tally.evaluations_taken == 0


async def test_tools_that_cannot_be_asked_are_our_fault(open_toy_night: NightOpener, evaluator: type[Lasting]) -> None:
    class Broken(evaluator):  # type: ignore[misc, valid-type]
        async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
            raise OSError("no compiler")

    async with open_toy_night() as night:
        with pytest.raises(Exception, match="no compiler"):
            await run(night, Broken)
