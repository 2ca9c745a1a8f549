"""Every word that a person can say to a campaign. Words go to the database; the campaign's own process obeys.

Without JavaScript an action leads back to the page it was posted from, which says what was done; htmx gets the same
sentence as an event, a program gets JSON.
"""

from __future__ import annotations

import asyncio
import json
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Calibration
from nightforge.domain.words import CampaignState
from nightforge.errors import UserError
from nightforge.report.states import is_alive, reason_words, standing
from nightforge.store.steering import HINT_CHARACTERS
from nightforge.web.forms import Form, FormDep
from nightforge.web.questions import QUESTIONS, SAID_YES, Asked, Question
from nightforge.web.render import LOOK, SAID, SAID_CHARACTERS, Look, View, wants_json
from nightforge.web.security import PERSON, SEAL_FIELD, YEAR_S, Person
from nightforge.web.site import CampaignId, Ordinal, PersonDep, Site, SiteDep, site_of
from workflows.steering import read_until, recap

router = APIRouter(tags=["actions"], include_in_schema=True)

OBEYED_WITHIN_S = 1.5
BEGUN_WITHIN_S = 4.0
LOOK_S = 0.1
IN_ADDRESSES = "/?&=%.,:;+~_-!*'()@$[]#"
"""Characters of an address that stay as they are when it is quoted once more."""
Mark = Literal["star", "unstar", "discard", "undiscard", "cheat", "uncheat"]
MARKED: dict[Mark, str] = {
    "star": "starred",
    "unstar": "not starred any more",
    "discard": "discarded: never a parent, never ranked",
    "undiscard": "taken back into the search",
    "cheat": "marked as a cheat, and kept out of the search",
    "uncheat": "no longer marked as a cheat, and back in the search",
}


def local_path(path: str, default: str) -> str:
    """A place of this site to go back to; anything else is the default."""
    if (
        not path.startswith("/")
        or path.startswith("//")
        or any(char in path for char in "\\\r\n\t")
        or len(path) > 2000
    ):
        return default
    return path


def said(request: Request, form: Form, text: str, *, back: str, more: dict[str, object] | None = None) -> Response:
    """The answer to an action that was done, in the form that the asker understands."""
    if wants_json(request):
        return JSONResponse({"schema_version": 1, "said": text, **(more or {})})
    if request.headers.get("hx-request") == "true":
        heard = json.dumps({"nf-said": {"text": text}, "nf-change": {}})
        return Response(status_code=204, headers={"hx-trigger": heard})
    place = quote(local_path(form.values.get("back", ""), back), safe=IN_ADDRESSES)
    response = RedirectResponse(place, status_code=303)
    response.set_cookie(SAID, quote(text[:SAID_CHARACTERS]), max_age=60, httponly=True, samesite="lax")
    return response


class SureView(View):
    """What is asked, and what is posted again with a yes."""

    question: Question
    about: str
    """The campaign or candidate that is meant."""
    action: str
    back: str
    fields: dict[str, str]


def ask(request: Request, form: Form, word: Asked, *, about: str, back: str) -> Response | None:
    """The page that asks; None where nobody has to be asked: a program, a script of ours, or who said yes already."""
    a_browser = "text/html" in request.headers.get("accept", "") and request.headers.get("hx-request") != "true"
    if not a_browser or wants_json(request) or request.state.by_bearer or form.is_set(SAID_YES):
        return None
    place = quote(local_path(form.values.get("back", ""), back), safe=IN_ADDRESSES)
    kept = {name: value for name, value in form.values.items() if name not in {SEAL_FIELD, SAID_YES, "back"}}
    view = SureView(question=QUESTIONS[word], about=about, action=request.url.path, back=place, fields=kept)
    return site_of(request).renderer.page(request, "sure.html", view, stands_for=place)


@router.post("/look", include_in_schema=False)
def look(request: Request, form: FormDep) -> Response:
    """Theme, density and the person's name, kept by this browser alone."""
    response = said(request, form, "Kept for this browser.", back="/")
    secure = request.url.scheme == "https"
    chosen = Look.of(form.text("theme", limit=40), form.text("density", limit=40))
    response.set_cookie(LOOK, str(chosen), max_age=YEAR_S, httponly=True, samesite="lax", secure=secure)
    name = quote(Person.clean(form.values.get("person", "")), safe="")
    response.set_cookie(PERSON, name, max_age=YEAR_S, httponly=True, samesite="lax", secure=secure)
    return response


@router.post("/c/{campaign}/hint")
async def hint(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep, person: PersonDep) -> Response:
    """`text`: advice to the search. Three of four new candidates are made with it, one without, to compare."""
    one = await _find(site, campaign)
    number = await site.store.give_hint(one.campaign_id, form.text("text", limit=HINT_CHARACTERS), owner=person)
    await site.store.post_command(one.campaign_id, "hint", author=person)
    return said(request, form, f"Hint {number} is given.", back=_home(one), more={"hint": number})


@router.post("/c/{campaign}/withdraw")
async def withdraw(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep, person: PersonDep) -> Response:
    """`number`: a hint that no new candidate is to be made with."""
    one = await _find(site, campaign)
    number = form.whole("number", most=10**6, least=1)
    if number is None:
        raise UserError("which hint is meant", where="number", hint="give its number")
    await site.store.withdraw_hint(one.campaign_id, number, owner=person)
    await site.store.post_command(one.campaign_id, "hint", author=person)
    return said(request, form, f"Hint {number} is withdrawn.", back=_home(one), more={"hint": number})


@router.post("/c/{campaign}/pause")
async def pause(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep, person: PersonDep) -> Response:
    """Start nothing more until it is resumed; what is in flight is finished. A pause costs no wall time."""
    one, alive = standing(site.store, await _find(site, campaign))
    if not (alive and one.state is CampaignState.RUNNING):
        return said(request, form, _not_running(one), back=_home(one), more={"posted": False})
    return await _tell(request, site, form, one, "pause", "asked to pause", person)


@router.post("/c/{campaign}/stop")
async def stop(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep, person: PersonDep) -> Response:
    """Drain, confirm, report; with `now` stop at once. A plan that was not approved yet is withdrawn."""
    one, alive = standing(site.store, await _find(site, campaign))
    withdraws = one.state is CampaignState.PLANNED and not alive
    asked: Asked = "withdraw-plan" if withdraws else "stop-now" if form.is_set("now") else "stop"
    if (alive or withdraws) and (page := ask(request, form, asked, about=one.campaign_id, back=_home(one))):
        return page
    if withdraws:
        await site.store.set_campaign_state(one.campaign_id, CampaignState.FINISHED, reason="withdrawn")
        return said(request, form, "The plan is withdrawn.", back="/", more={"posted": False})
    if not alive:
        return said(request, form, _not_running(one), back=_home(one), more={"posted": False})
    word, text = ("stop-now", "asked to stop now") if form.is_set("now") else ("stop", "asked to drain and save")
    return await _tell(request, site, form, one, word, text, person)


@router.post("/c/{campaign}/resume")
async def resume(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep, person: PersonDep) -> Response:
    """Go on after a pause, or with a campaign whose process is gone: then a new one is started."""
    one = await _find(site, campaign)
    await _recap(site, one, form, person)
    if is_alive(site.store, one):
        if one.state is not CampaignState.PAUSED:
            return said(request, form, f"It is {one.state.value}.", back=_home(one), more={"started": False})
        return await _tell(request, site, form, one, "resume", "told to go on", person)
    if one.state is CampaignState.PLANNED:
        raise UserError("it was not approved yet", where=f"campaign {one.campaign_id}", hint="approve its plan first")
    return await _start(request, site, form, one, person, afresh=True)


@router.post("/c/{campaign}/start")
async def start(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep, person: PersonDep) -> Response:
    """Approve the plan as it stands and start the campaign's process, as `run --detach` does."""
    one = await _find(site, campaign)
    if is_alive(site.store, one):
        return said(request, form, "It runs already.", back=_home(one), more={"started": False})
    if one.state is not CampaignState.PLANNED:
        raise UserError(f"it is {one.state.value}, not planned", where=f"campaign {one.campaign_id}", hint="resume it")
    if site.store.document(one.campaign_id, "calibration", Calibration) is None:
        raise UserError(
            "its baselines are not measured yet", where=f"campaign {one.campaign_id}", hint="wait for the plan card"
        )
    from nightforge.web.pages.new_goal import check_ready

    check_ready(site, one)
    return await _start(request, site, form, one, person, afresh=False)


@router.post("/c/{campaign}/budget")
async def budget(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep, person: PersonDep) -> Response:
    """Change caps (`minutes evaluations usd tokens`, `until`); they count from the campaign's beginning."""
    one = await _find(site, campaign)
    if not await _recap(site, one, form, person):
        raise UserError(
            "no cap was given", where="budget", hint="fill in what is to change; empty fields stay as they are"
        )
    return said(request, form, "The caps are changed.", back=_home(one))


@router.post("/c/{campaign}/note")
async def note(request: Request, site: SiteDep, campaign: CampaignId, form: FormDep, person: PersonDep) -> Response:
    """`text`: a remark on the campaign, kept with name and time."""
    one = await _find(site, campaign)
    await site.store.add_note(one.campaign_id, form.text("text", limit=HINT_CHARACTERS), owner=person)
    return said(request, form, "The note is kept.", back=_home(one))


@router.post("/c/{campaign}/{ordinal}/note")
async def candidate_note(
    request: Request, site: SiteDep, campaign: CampaignId, ordinal: Ordinal, form: FormDep, person: PersonDep
) -> Response:
    """`text`: a remark on the candidate, kept with name and time."""
    one = await _find(site, campaign)
    text = form.text("text", limit=HINT_CHARACTERS)
    await site.store.add_note(one.campaign_id, text, ordinal=ordinal, owner=person)
    return said(request, form, "The note is kept.", back=f"{_home(one)}/{ordinal}")


@router.post("/c/{campaign}/{ordinal}/{mark}")
async def mark(
    request: Request,
    site: SiteDep,
    campaign: CampaignId,
    ordinal: Ordinal,
    mark: Mark,
    form: FormDep,
    person: PersonDep,
) -> Response:
    """A person's mark on a candidate, with whose it is. A running campaign hears of a discard at once."""
    one = await _find(site, campaign)
    store, named = site.store, one.campaign_id
    is_set = not mark.startswith("un")
    about = f"{named}.{ordinal}"
    if mark in {"discard", "cheat"}:
        store.candidate(named, ordinal)
        asked: Asked = "cheat" if mark == "cheat" else "discard"
        if page := ask(request, form, asked, about=about, back=f"{_home(one)}/{ordinal}"):
            return page
    if mark in {"star", "unstar"}:
        await store.mark_candidate(named, ordinal, starred=is_set, owner=person)
    else:
        await store.mark_candidate(named, ordinal, discarded=is_set, owner=person)
        # Taken back as a discard, it is no cheat any more either.
        if mark in {"cheat", "uncheat", "undiscard"}:
            await store.mark_cheat(named, ordinal, is_set=is_set, owner=person)
    text = f"{about} is {MARKED[mark]}."
    return said(request, form, text, back=f"{_home(one)}/{ordinal}", more={"candidate": about})


async def _find(site: Site, campaign: str) -> Campaign:
    return await run_in_threadpool(site.store.campaign, campaign)


def _home(campaign: Campaign) -> str:
    return f"/c/{campaign.campaign_id}"


def _not_running(campaign: Campaign) -> str:
    reason = f" ({reason_words(campaign.reason)})" if campaign.reason else ""
    return f"It is not running: {campaign.state.value}{reason}."


async def _tell(
    request: Request, site: Site, form: Form, campaign: Campaign, word: str, text: str, person: str
) -> Response:
    """Leave the word, and wait shortly for the state to change, so that the next page shows it."""
    await site.store.post_command(campaign.campaign_id, word, author=person)
    obeyed = False
    for _ in range(round(OBEYED_WITHIN_S / LOOK_S)):
        obeyed = (await _find(site, campaign.campaign_id)).state is not campaign.state
        if obeyed:
            break
        await asyncio.sleep(LOOK_S)
    tail = "" if obeyed else "; it has not obeyed yet"
    return said(request, form, f"It was {text}{tail}.", back=_home(campaign), more={"posted": True, "obeyed": obeyed})


async def _recap(site: Site, campaign: Campaign, form: Form, person: str) -> bool:
    """Whether any cap was given."""
    from workflows.planning import check_budget

    caps = form.budget()
    check_budget(caps)
    now = site.clock.now().astimezone()
    until = read_until(form.text("until", limit=40), now=now) if form.has("until") else None
    if not caps.is_bounded and until is None:
        return False
    await recap(site.store, campaign, caps, until, author=person)
    return True


async def _start(
    request: Request, site: Site, form: Form, campaign: Campaign, person: str, *, afresh: bool
) -> Response:
    named = campaign.campaign_id
    keeper = await run_in_threadpool(site.starter.watch, named, afresh=afresh)
    await site.store.append_event(named, "control.started", {"by": person, "keeper": keeper})
    for _ in range(round(BEGUN_WITHIN_S / LOOK_S)):
        if await run_in_threadpool(is_alive, site.store, campaign):
            break
        await asyncio.sleep(LOOK_S)
    form = Form({name: value for name, value in form.values.items() if name != "back"})
    return said(request, form, f"It goes on by itself ({keeper}).", back=_home(campaign), more={"keeper": keeper})
