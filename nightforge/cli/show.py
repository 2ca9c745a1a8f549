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
    from nightforge.store import SqlStore

NOTE_CHARACTERS = 60


def show(
    ref: Annotated[str, typer.Argument(metavar="ID[.CAND]", help="A campaign id or prefix, or ID.NUMBER.")],
    code: Annotated[bool, typer.Option("--code", help="Print only the candidate's program.")] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show a campaign with its ranked candidates, or one candidate with its evidence."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings, split_ref, standing
    from nightforge.errors import NotFound, UserError

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
            output.record({"kind": "candidate", "source": source, **candidate.model_dump(mode="json")})
        else:
            _candidate(output, candidate)


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
    from nightforge.cli.words import clean, columns, duration, metric_text
    from nightforge.report.data import stated_metric
    from nightforge.report.states import CAMPAIGN_SHAPES, reason_words, shape_and_word
    from nightforge.report.text import brief, counted, money, taken_words

    plan, tally = campaign.plan, campaign.tally
    reason = f" ({reason_words(campaign.reason)})" if campaign.reason else ""
    output.text(f"{campaign.campaign_id}  {CAMPAIGN_SHAPES[campaign.state]} {campaign.state.value}{reason}")
    output.text(f"  goal         {clean(plan.goal)}")
    output.text(f"  task         {plan.task}, team {plan.team.value}, sandbox {campaign.tier}")
    done = counted(tally.evaluations, "evaluation") + taken_words(tally)
    output.text(f"  done         {done} in {duration(tally.active_s)}, {money(tally.cost_usd)}")
    states = ", ".join(f"{count} {state.value}" for state, count in tally.by_state.items() if count)
    output.text(f"  candidates   {tally.candidates}" + (f": {states}" if states else ""))
    for profile in profiles:
        output.text(f"  model        {clean(profile.describe())}")
    for line in hint_lines(store.hints(campaign.campaign_id)):
        output.text(line)
    objective = plan.objectives[0].metric
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
                brief(candidate.note, NOTE_CHARACTERS),
            )
        )
    if rows:
        output.text(columns(rows))
    output.note(f"the whole story: nightforge report {campaign.campaign_id}")


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


def _candidate(output: Output, candidate: Candidate) -> None:
    from nightforge.cli.words import clean, evidence_lines
    from nightforge.report.schedules import explanation_of, formula_lines
    from nightforge.report.states import shape_and_word

    reason = f" ({candidate.reason})" if candidate.reason else ""
    output.text(f"{candidate.ref}  {shape_and_word(candidate)}{reason}")
    parents = ", ".join(f"{candidate.campaign_id}.{parent}" for parent in candidate.parents) or "none: the seed"
    output.text(f"  parents    {parents}")
    if candidate.operator is not None:
        output.text(f"  operator   {candidate.operator_name or candidate.operator.value}")
    if candidate.note:
        output.text(f"  note       {clean(candidate.note)}")
    output.text(f"  created    {candidate.created_at.astimezone().isoformat(timespec='seconds')}")
    for title, evidence in (("measured", candidate.evidence), ("confirmation", candidate.confirmation)):
        if evidence is not None:
            output.text(f"  {title} ({evidence.evidence_class.value}, sandbox {evidence.tier.value})")
            if evidence.taken_from:
                output.text(f"    not run again: the evaluation of the same program as {evidence.taken_from}")
            for line in evidence_lines(evidence, indent="    "):
                output.text(line)
    for line in formula_lines(explanation_of(candidate)):
        output.text(f"  {line}")
    if candidate.verdict is not None:
        for name, text in candidate.verdict.model_dump().items():
            if text:
                output.text(f"  judge: {name.replace('_', ' ')}: {clean(text)}")
    output.note(
        f"its program: nightforge show --code {candidate.ref}; against its parent: nightforge diff {candidate.ref}"
    )
