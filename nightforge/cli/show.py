"""`nightforge show`: one campaign, or one candidate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightforge.domain.candidate import Arm, Campaign, Candidate, Hint
    from nightforge.domain.profile import KernelProfile
    from nightforge.store import SqlStore

NOTE_CHARACTERS = 60
VALUES_AT = 15
"""Where values stand in the campaign's lines."""
BELOW = 8
"""Where a note stands that has a line of its own."""


def show(
    ref: Annotated[str, typer.Argument(metavar="ID[.CAND]", help="A campaign id or prefix, or ID.NUMBER.")],
    code: Annotated[bool, typer.Option("--code", help="Print only the candidate's program.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show a campaign with its ranked candidates, or one candidate with its evidence."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings, split_ref
    from nightforge.errors import NotFound, UserError
    from nightforge.report.data import profile_of
    from nightforge.report.states import standing

    settings = resolve_settings().settings
    campaign_id, ordinal = split_ref(ref)
    if code and ordinal is None:
        raise UserError("--code needs a candidate", where=ref, hint=f"as `nightforge show --code {ref}.0`")
    with opened_store(settings.database_url) as store:
        campaign, _ = standing(store, store.campaign(campaign_id))
        if ordinal is None:
            _campaign(output, store, campaign)
            return
        candidate = store.candidate(campaign.campaign_id, ordinal)
        source = store.source(candidate.code_sha) if candidate.code_sha else None
        if code:
            if source is None:
                raise NotFound("it has no program yet", where=candidate.ref)
            output.text(_clean(source) if sys.stdout.isatty() else source)
        elif output.json:
            found = profile_of(store, candidate)
            profile = None if found is None else found.model_dump(mode="json")
            output.record(
                {"kind": "candidate", "source": source, **candidate.model_dump(mode="json"), "profile": profile}
            )
        else:
            _candidate(output, candidate, profile_of(store, candidate))


def _clean(text: str) -> str:
    from nightforge.report.text import clean

    return clean(text)


def _campaign(output: Output, store: SqlStore, campaign: Campaign) -> None:
    from nightforge.cli.listing import campaign_record
    from nightforge.domain.model import ModelProfiles
    from nightforge.report.data import ranked_for_people

    profiles = (store.document(campaign.campaign_id, "model-profiles", ModelProfiles) or ModelProfiles()).profiles
    ranked = ranked_for_people(store, campaign.campaign_id, limit=20)
    if output.json:
        output.record(
            {
                "kind": "campaign",
                **campaign_record(campaign, next(iter(ranked), None)),
                "plan": campaign.plan.model_dump(mode="json"),
                "models": [one.model_dump(mode="json") for one in profiles],
                "hints": [one.model_dump(mode="json") for one in store.hints(campaign.campaign_id)],
                "ranked": [candidate.model_dump(mode="json") for candidate in ranked],
            }
        )
        return
    from nightforge.cli.words import clean, duration, folded
    from nightforge.report.states import CAMPAIGN_SHAPES, reason_words
    from nightforge.report.text import counted, money, taken_words

    plan, tally = campaign.plan, campaign.tally
    reason = f" ({reason_words(campaign.reason)})" if campaign.reason else ""
    done = counted(tally.evaluations, "evaluation") + taken_words(tally)
    states = ", ".join(f"{count} {state.value}" for state, count in tally.by_state.items() if count)
    lines = [
        f"{campaign.campaign_id}  {CAMPAIGN_SHAPES[campaign.state]} {campaign.state.value}{reason}",
        f"  goal         {clean(plan.goal)}",
        f"  task         {plan.task}, team {plan.team.value}, sandbox {campaign.tier}",
        f"  done         {done} in {duration(tally.active_s)}, {money(tally.cost_usd)}",
        f"  candidates   {tally.candidates}" + (f": {states}" if states else ""),
        *(f"  model        {clean(profile.describe())}" for profile in profiles),
        *hint_lines(store.hints(campaign.campaign_id)),
    ]
    for line in "\n".join(lines).splitlines():
        output.text(folded(line, output.width, VALUES_AT))
    if ranked:
        output.text(ranked_text(ranked, plan.objectives[0].metric, output.width))
    output.note(f"the whole story: nightforge report {campaign.campaign_id}")


def ranked_text(ranked: Sequence[Candidate], objective: str, width: int | None) -> str:
    """A line a candidate; at a terminal with no room for the note beside it, the note stands below."""
    from nightforge.cli.words import LEAST_LAST, columns, metric_text
    from nightforge.report.data import stated_metric
    from nightforge.report.states import shape_and_word
    from nightforge.report.text import brief

    rows = []
    for place, candidate in enumerate(ranked, start=1):
        metric = stated_metric(candidate, objective)
        made_by = candidate.operator_name or candidate.operator or ("seed" if candidate.ordinal == 0 else "-")
        rows.append(
            (
                f"  {place:>3}.",
                candidate.ref,
                shape_and_word(candidate),
                f"{objective} {metric_text(metric) if metric else '-'}",
                made_by,
            )
        )
    lines = columns(rows, width=width).splitlines()
    notes = [candidate.note for candidate in ranked]
    notes_at = max(map(len, lines)) + 2
    if width is None or width - notes_at >= LEAST_LAST:
        left = NOTE_CHARACTERS if width is None else min(NOTE_CHARACTERS, width - notes_at)
        return "\n".join(
            f"{line:<{notes_at}}{brief(note, left)}".rstrip() for line, note in zip(lines, notes, strict=True)
        )
    return "\n".join(
        f"{line}\n{' ' * BELOW}{brief(note, width - BELOW)}".rstrip() for line, note in zip(lines, notes, strict=True)
    )


def hint_lines(hints: Sequence[Hint]) -> list[str]:
    """`hint 1   "…": 12 with it, 8 measured, 3 improved; without it: …`"""
    from nightforge.report.text import brief, clean_line, counted

    def arm(one: Arm) -> str:
        made = counted(one.candidates, "candidate")
        return f"{made}, {one.measured} measured, {one.improved} better than their parent"

    return [
        f"  hint {one.number:<7} {brief(one.text, NOTE_CHARACTERS)}"
        + (f" (by {clean_line(one.owner)})" if one.owner else "")
        + ("" if one.in_force else ", not in force any more")
        + f"\n               with it: {arm(one.used)}; without: {arm(one.without)}"
        for one in hints
    ]


def _candidate(output: Output, candidate: Candidate, profile: KernelProfile | None) -> None:
    from nightforge.cli.words import clean, evidence_lines, folded
    from nightforge.report.schedules import explanation_of, formula_lines
    from nightforge.report.states import shape_and_word

    def say(line: str, indent: int = 13) -> None:
        output.text(folded(line, output.width, indent))

    reason = f" ({candidate.reason})" if candidate.reason else ""
    say(f"{candidate.ref}  {shape_and_word(candidate)}{reason}")
    parents = ", ".join(f"{candidate.campaign_id}.{parent}" for parent in candidate.parents) or "none: the seed"
    say(f"  parents    {parents}")
    if candidate.operator is not None:
        say(f"  operator   {candidate.operator_name or candidate.operator.value}")
    if candidate.note:
        say(f"  note       {clean(candidate.note)}")
    say(f"  created    {candidate.created_at.astimezone().isoformat(timespec='seconds')}")
    for title, evidence in (("measured", candidate.evidence), ("confirmation", candidate.confirmation)):
        if evidence is not None:
            say(f"  {title} ({evidence.evidence_class.value}, sandbox {evidence.tier.value})")
            if evidence.taken_from:
                say(f"    not run again: the evaluation of the same program as {evidence.taken_from}")
            for line in evidence_lines(evidence, indent="    "):
                output.text(line if line.lstrip().startswith("|") else folded(line, output.width, 8))
    for line in (*formula_lines(explanation_of(candidate)), *_profile_and_judge(candidate, profile)):
        say(f"  {line}")
    output.note(f"its program: nightforge show --code {candidate.ref}")
    output.note(f"against its parent: nightforge diff {candidate.ref}")


def _profile_and_judge(candidate: Candidate, profile: KernelProfile | None) -> list[str]:
    """What limits it by its profile, which no score holds, and what the judge made of that."""
    from nightforge.cli.words import clean
    from nightforge.domain.profile_words import profile_lines

    lines = [f"profile: {clean(line)}" for line in profile_lines(profile)] if profile is not None else []
    said = candidate.verdict.model_dump(mode="json") if candidate.verdict is not None else {}
    return lines + [f"judge: {name.replace('_', ' ')}: {clean(text)}" for name, text in said.items() if text]
