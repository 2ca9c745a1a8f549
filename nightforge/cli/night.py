"""Drives a night from the terminal: questions, plan card, live line, interrupt, final words."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nightforge.cli.asking import Declined, ask, read_answers, read_line
from nightforge.cli.failures import INTERRUPTED
from nightforge.cli.live import LiveDisplay
from nightforge.cli.output import Output, can_ask
from nightforge.cli.plan_card import card_record, print_card
from nightforge.cli.plan_file import check_plan_place, write_plan
from nightforge.cli.watch import detach
from nightforge.domain.words import CampaignState
from nightforge.errors import (
    CampaignBusy,
    ImprovementMissing,
    NightforgeError,
    NotFound,
    PlatformFault,
    RehearsalFailed,
    StoreFault,
    UserError,
)
from workflows.contract import AskQuestions, AwaitApproval, Done, NightRequest, NightStep, PlanCard, Refused, StopSwitch

if TYPE_CHECKING:
    from nightforge.domain.plan import Budget
    from nightforge.domain.ports import Store
    from nightforge.settings import Settings
    from workflows.night import Night

GRACE_S = 8.0
"""After the second interrupt: time for what is being written, then the run is cancelled."""
SEE_TASKS = "`nightforge tasks` shows what can be asked, --task NAME takes one whatever the words say"
GOAL_CHARACTERS = 500
BEGUN = frozenset({CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.DRAINING})


@dataclass(frozen=True)
class Choices:
    """What the person decided by flag."""

    yes: bool = False
    plan_only: bool = False
    plan_out: Path | None = None
    answers: dict[str, str] = field(default_factory=dict)
    require_improvement: bool = False
    detach: bool = False
    watched: bool = False
    """A watcher started this, not a person."""
    until: str | None = None

    def checked(self) -> Choices:
        """UserError where the plan could not be written, before minutes are spent on measuring."""
        if self.plan_out is not None:
            check_plan_place(self.plan_out)
        return self


async def run_night(settings: Settings, output: Output, request: NightRequest, choices: Choices) -> int:
    """From a goal to the report; returns the exit code."""
    from workflows.night import open_night

    prepare_home(settings)
    stop = StopSwitch()
    async with open_night(settings, stop=stop) as night:
        output.note("reading the goal; measuring baselines and noise ...")
        try:
            step = await _planned(night, output, request, choices)
        except Declined:
            output.note("not started; nothing was spent")
            return 0
        if isinstance(step, Refused):
            raise refusal(step)
        if isinstance(step, AwaitApproval):
            if not _approved(output, step.card, choices):
                return 0
            campaign_id = step.card.campaign_id
            if choices.detach:
                _announce(output, night.store, campaign_id)
            else:
                step = await _watched(night.approve(), night, output, campaign_id, stop)
        if not isinstance(step, AwaitApproval):
            return _end(settings, output, night, step, require_improvement=choices.require_improvement)
    # The database is closed by now: from here on it is the watcher's.
    detach(settings, output, step.card.campaign_id)
    return 0


async def _planned(night: Night, output: Output, request: NightRequest, choices: Choices) -> NightStep:
    """From the request to a card or a refusal, with the questions in between."""
    asked: set[str] = set()
    given = {**read_answers(request.parameters), **choices.answers}
    try:
        step = await night.begin(request)
        while isinstance(step, AskQuestions):
            answers = {question.name: ask(question, given=given, yes=choices.yes) for question in step.questions}
            asked |= set(answers)
            step = await night.answer(answers)
    except (asyncio.CancelledError, KeyboardInterrupt):
        output.alert("nothing was begun, and nothing is left to go on with")
        raise
    if unused := sorted(set(choices.answers) - asked):
        output.alert(f"warning: no question was asked by the name of {', '.join(unused)}: --answer had no effect")
    return step


async def resume_night(
    settings: Settings, output: Output, campaign_id: str | None, budget: Budget | None, choices: Choices
) -> int:
    """Go on where a campaign stood; a plan that was never approved comes back as a card."""
    from workflows.night import open_night

    prepare_home(settings)
    stop = StopSwitch(watched=choices.watched)
    async with open_night(settings, stop=stop) as night:
        chosen = pick_unfinished(night.store, campaign_id)
        if choices.until is not None:
            await set_until(night.store, chosen, choices.until)
        step = await _watched(night.resume(chosen, budget=budget), night, output, chosen, stop)
        if isinstance(step, AwaitApproval):
            if not _approved(output, step.card, choices):
                return 0
            step = await _watched(night.approve(), night, output, chosen, stop)
        return _end(settings, output, night, step, require_improvement=choices.require_improvement)


async def set_until(store: Store, campaign_id: str, until: str) -> None:
    from workflows.steering import with_until

    await store.save_plan(campaign_id, with_until(store.campaign(campaign_id).plan, until))


def prepare_home(settings: Settings) -> None:
    """The folder of database, reports and logs; StoreFault where it cannot be made or written."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFault(
            f"the folder cannot be made: {error.strerror}",
            where=str(settings.home),
            hint="mend its rights, or set NIGHTFORGE_HOME to a folder that can be written",
        ) from None


def pick_unfinished(store: Store, campaign_id: str | None) -> str:
    """The one named, else the newest that was begun, else the newest plan that waits for approval."""
    if campaign_id:
        return store.campaign(campaign_id).campaign_id
    campaigns = store.campaigns()
    for states in (BEGUN, {CampaignState.PLANNED}):
        for campaign in campaigns:
            if campaign.state in states:
                return campaign.campaign_id
    raise NotFound("no campaign is unfinished", hint="name one to give it more budget: `nightforge list` shows them")


def refusal(step: Refused) -> UserError:
    from nightforge.report.text import clean_line

    what = shortened(clean_line(step.reading.refusal)) or "no task fits the goal"
    matches = ", ".join(f"{match.task} ({match.why})" if match.why else match.task for match in step.reading.matches)
    is_listed = not matches or all(match.task in what for match in step.reading.matches)
    return UserError(
        what,
        where=f"goal {shortened(clean_line(step.reading.goal))!r}",
        hint=SEE_TASKS if is_listed else f"there is: {matches}; {SEE_TASKS}",
    )


def shortened(text: str) -> str:
    return text if len(text) <= GOAL_CHARACTERS else f"{text[: GOAL_CHARACTERS - 1]}…"


def _approved(output: Output, card: PlanCard, choices: Choices) -> bool:
    """Show the card; True to start. --plan-only ends here, with the card as data on stdout."""
    if choices.plan_out is not None:
        write_plan(choices.plan_out, card.plan)
        output.note(f"plan: {choices.plan_out}")
    if choices.plan_only and output.json:
        output.record(card_record(card))
    elif choices.plan_only or not (choices.yes and output.quiet):
        print_card(card, output.console(stderr=not choices.plan_only))
    if choices.plan_only:
        output.note(f"start it with: nightforge resume {card.campaign_id}")
        return False
    if choices.yes:
        if card.room_is_small:
            output.note("starting all the same, as --yes says")
        return True
    if not can_ask():
        raise UserError("the plan waits for a person", where="run", hint="pass --yes to start without asking")
    kept = f"not started; nothing was spent; the plan is kept: nightforge resume {card.campaign_id}"
    try:
        started = _wants_to_start(card)
    except KeyboardInterrupt:
        output.alert(kept)
        raise
    if not started:
        output.note(kept)
    return started


def _wants_to_start(card: PlanCard) -> bool:
    if card.room_is_small:
        answer = read_line("The room left is not larger than what can be told apart here. Start all the same? [y/N] ")
        return answer.strip().lower() in {"y", "yes"}
    return read_line("Enter starts, n leaves: ").strip().lower() in {"", "y", "yes"}


async def _announce_begun(output: Output, store: Store, campaign_id: str, stop: StopSwitch) -> None:
    await stop.begun.wait()
    _announce(output, store, campaign_id)


def _announce(output: Output, store: Store, campaign_id: str) -> None:
    """The launch record: from here on another program can follow and steer the campaign by its id."""
    if not output.json:
        return
    campaign = store.campaign(campaign_id)
    output.record(
        {
            "kind": "launch",
            "campaign_id": campaign_id,
            "goal": campaign.plan.goal,
            "task": campaign.plan.task,
            "team": campaign.plan.team.value,
            "tier": campaign.tier,
        }
    )


async def _watched(
    work: Awaitable[NightStep], night: Night, output: Output, campaign_id: str, stop: StopSwitch
) -> NightStep:
    """Run `work` under the live line, with Ctrl-C once to drain and twice to stop."""
    task = asyncio.ensure_future(work)
    async with _interrupts(task, output, stop):
        display = asyncio.create_task(LiveDisplay(night.store, campaign_id, output).run())
        launch = asyncio.create_task(_announce_begun(output, night.store, campaign_id, stop))
        try:
            return await task
        except (RehearsalFailed, CampaignBusy):
            raise
        except Exception as error:
            output.alert(f"the campaign is kept: nightforge resume {campaign_id}")
            if stop.immediate and isinstance(error, NightforgeError):
                raise KeyboardInterrupt from error
            raise
        except asyncio.CancelledError:
            if not stop.immediate:
                raise
            output.alert(f"what was measured is saved. Go on with: nightforge resume {campaign_id}")
            raise KeyboardInterrupt from None
        finally:
            for shown in (launch, display):
                shown.cancel()
                # A display that broke (a closed terminal, too) must not hide what the campaign came to.
                with suppress(asyncio.CancelledError, NightforgeError, OSError):
                    await shown


@asynccontextmanager
async def _interrupts(task: asyncio.Future[NightStep], output: Output, stop: StopSwitch) -> AsyncIterator[None]:
    """SIGINT, SIGTERM and a closed terminal press the switch; a second press not obeyed in time cancels the run."""
    loop = asyncio.get_running_loop()

    def press() -> None:
        already = stop.immediate
        stop.press()
        if already:
            task.cancel()
        elif stop.immediate:
            output.alert("stopping now; what is measured is saved")
            loop.call_later(GRACE_S, task.cancel)
        else:
            output.alert("draining: what is in flight is finished and saved (interrupt again to stop now)")

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it, and that stays so
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, press)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _end(settings: Settings, output: Output, night: Night, step: NightStep, *, require_improvement: bool) -> int:
    """The last words: report written, table shown, exit code."""
    if not isinstance(step, Done):
        raise PlatformFault(f"the night ended in {type(step).__name__}", where="run", hint="see `nightforge list`")
    from nightforge.cli.report import write_all
    from nightforge.report import build_report, gather
    from nightforge.report.terminal import print_report

    data = gather(night.store, step.campaign_id)
    document = build_report(data, now=datetime.now(UTC))
    path = settings.reports_dir / f"{step.campaign_id}.html"
    try:
        write_all(settings.reports_dir, step.campaign_id, document)
    except UserError as error:
        output.alert(f"warning: {error}; `nightforge report --html FILE` writes it elsewhere")
    interrupted = step.state is CampaignState.PAUSED or step.reason == "interrupted"
    missing = require_improvement and not step.improved and not interrupted
    code = INTERRUPTED if interrupted else ImprovementMissing.exit_code if missing else 0
    if output.json:
        output.record(
            {
                "kind": "done",
                "campaign_id": step.campaign_id,
                "state": step.state.value,
                "reason": step.reason,
                "improved": step.improved,
                "headline": document.headline,
                "report": str(path),
                "tally": night.store.tally(step.campaign_id).model_dump(mode="json"),
                "exit_code": code,
            }
        )
    else:
        print_report(document.only("ranked", "gains"), output.console())
        output.text(f"Report: {path}")
        if (top := data.winner or data.top) is not None:
            output.note(f"What {top.ref} changed: nightforge diff {top.ref} seed")
        output.note(f"All of it: nightforge report {step.campaign_id}")
    if interrupted:
        output.alert(f"saved. Go on with: nightforge resume {step.campaign_id}")
    if missing:
        output.alert("error: no confirmed candidate beats the reference (--require-improvement)")
    return code
