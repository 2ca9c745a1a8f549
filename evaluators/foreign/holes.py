"""What `task check` finds of a peer's folder: noise, time, and answers that its evaluator should not believe."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from evaluators.cascade import CandidateFailed
from evaluators.foreign.contract import ForeignSettings
from evaluators.foreign.reply import Reply, judge_stage, metrics_of, score_of
from evaluators.integrity.forgeries import FORGERIES, Forgery
from evaluators.statistics import median_interval
from nightforge.domain.evidence import Metric
from nightforge.domain.integrity import Remark
from nightforge.domain.task import Task
from nightforge.domain.words import EvidenceClass

Run = Callable[[str], Awaitable[Reply]]
NIGHT_S = 8 * 3600.0
OWN_TASK = "`nightforge task init DIR` keeps candidate and verdict apart: docs/own-code.md"
_HUGE = 1e9
_TAKE_OVER = """

import os as _nightforge_os

for _nightforge_number in range(3, 64):
    try:
        _nightforge_os.write(_nightforge_number, {said!r})
    except OSError:
        pass
_nightforge_os._exit(0)
"""


@dataclass(frozen=True)
class Scored:
    """What one program came to: a score, or why there is none."""

    score: float | None
    why: str = ""
    marked: bool = False


class HoleFinder:
    """Runs the folder's own program and forged ones made from it."""

    def __init__(self, run: Run, task: Task, settings: ForeignSettings, say: Callable[[str], None]) -> None:
        self._run = run
        self._settings = settings.model_copy(update={"thresholds": ()})
        self._say = say
        self._source = task.read(task.seed)
        self._unit = task.objective.unit

    async def remarks(self) -> Sequence[Remark]:
        started, scores = time.perf_counter(), list[float]()
        self._say("the folder's own program ...")
        for _ in range(self._settings.repeats):
            own = await self._scored(self._source)
            if own.score is None:
                mend = "run the evaluator by hand on it; --python names the environment that has what it needs"
                return [Remark(topic="its own program", level="bad", said=own.why, mend=mend, ends=True)]
            scores.append(own.score)
        seconds = (time.perf_counter() - started) / len(scores)
        estimate = median_interval(scores)
        spread = (estimate.high - estimate.low) / abs(estimate.value) if estimate.value else 0.0
        found = [
            await self._evidence(),
            Remark(
                topic="noise",
                level="ok" if spread == 0 else "note",
                said=f"{self._settings.score.value} {estimate.value:g} from {estimate.low:g} to {estimate.high:g} over "
                f"{len(scores)} equal runs, a spread of {spread:.1%}",
                mend="" if spread < 0.05 else "gains below the spread are luck: fix its seeds, or average more runs",
            ),
            Remark(
                topic="time",
                level="note",
                said=f"{seconds:.2g} s an evaluation, so about {int(NIGHT_S / max(seconds, 1e-3))} in eight hours, one "
                "at a time",
            ),
            await self._deleted(estimate.value, estimate.high - estimate.low),
        ]
        return [*found, *await self._forged(estimate.value, estimate.high - estimate.low)]

    async def _scored(self, source: str) -> Scored:
        try:
            reply = await self._run(source)
        except CandidateFailed as failure:
            return Scored(None, _why(failure))
        stages = reply.stages[: len(self._settings.stages)]
        known: dict[str, Metric] = {}
        try:
            for number, stage in enumerate(stages):
                known |= metrics_of(stage)
                judge_stage(stage, reply, is_last=number + 1 == len(stages))
            if len(stages) < len(self._settings.stages):
                raise CandidateFailed("exited", "the evaluator ended before its last stage")
            return Scored(score_of(known, self._settings).value, marked=reply.marked)
        except CandidateFailed as failure:
            return Scored(None, _why(failure), reply.marked)

    async def _evidence(self) -> Remark:
        """Tried, not only said: a program that writes the evaluator's answer itself."""
        self._say("a program that writes its number itself ...")
        said = f"{EvidenceClass.FOREIGN.value}: {EvidenceClass.FOREIGN.meaning}"
        if self._settings.suffix != ".py":
            return Remark(topic="evidence", level="note", said=said, mend=OWN_TASK)
        frames = b""
        for number, stage in enumerate(self._settings.stages):
            metrics = {self._settings.score.value: _HUGE}
            if number:  # the first has begun, else no program would be there
                frames += json.dumps({"kind": "stage", "stage": stage}).encode() + b"\n"
            frames += json.dumps({"kind": "result", "stage": stage, "metrics": metrics}).encode() + b"\n"
        frames += b'{"kind": "end"}\n'
        taken = await self._scored(self._source.rstrip() + _TAKE_OVER.replace("{said!r}", repr(frames)))
        shown = (
            f"tried: a program that writes the answer itself got {taken.score:g}"
            if taken.score == _HUGE
            else "tried: one program that writes the answer itself did not get through, which proves nothing"
        )
        return Remark(topic="evidence", level="note", said=f"{said} ({shown})", mend=OWN_TASK)

    async def _deleted(self, honest: float, width: float) -> Remark:
        self._say("the program deleted ...")
        empty = await self._scored("\n")
        topic = "the program deleted"
        if empty.score is None:
            return Remark(topic=topic, level="ok", said=f"noticed ({empty.why[:120]})")
        if empty.score >= honest - width:
            return Remark(
                topic=topic,
                level="bad",
                said=f"an empty program gets {empty.score:g}, and the folder's own {honest:g}",
                mend="let the evaluator run the program, and fail where it has no answer",
            )
        return Remark(topic=topic, level="note", said=f"an empty program gets a number, {empty.score:g}")

    async def _forged(self, honest: float, width: float) -> Sequence[Remark]:
        if self._settings.suffix != ".py":
            return [Remark(topic="forged answers", level="note", said="not tried: the program is no Python")]
        holes: list[Remark] = []
        tried, unchanged = 0, []
        for forgery in FORGERIES:
            self._say(f"forged: {forgery.title} ...")
            found = await self._scored(forgery.program(self._source))
            if not found.marked and found.score is not None:
                unchanged.append(forgery.name)
                continue
            tried += 1
            if found.score is not None and (remark := _hole(forgery, found.score, honest, width)):
                holes.append(remark)
        said = f"{tried} kinds tried, {sum(one.level == 'bad' for one in holes)} earned more than the honest answer"
        if unchanged:
            said += f"; nothing to forge for {', '.join(unchanged)}"
        return [Remark(topic="forged answers", level="ok" if not holes else "note", said=said), *holes]


def _why(failure: CandidateFailed) -> str:
    """In a line; of a traceback, what was raised."""
    lines = [line.strip() for line in failure.feedback.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("Traceback")]
    last = next((line for line in lines if re.match(r"\w*(Error|Exception)\b", line)), "") if told else ""
    return f"{failure.reason}: {last or ' '.join(lines)}"[:200]


def _hole(forgery: Forgery, score: float, honest: float, width: float) -> Remark | None:
    """Beyond the spread of equal runs, on either side."""
    margin = max(width, 1e-9 * abs(honest))
    if score > honest + margin:
        return Remark(
            topic=f"hole {forgery.name}",
            level="bad",
            said=f"{forgery.title}: {score:g}, where the honest answer gets {honest:g}; {forgery.hole}",
            mend="check it in the evaluator, on a copy of the instance, and compute every number there",
        )
    if abs(score - honest) <= margin and not forgery.same_is_right:
        return Remark(
            topic=f"unnoticed {forgery.name}",
            level="note",
            said=f"{forgery.title}: {score:g}, as the honest answer; if such an answer is wrong, {forgery.hole}",
        )
    return None
