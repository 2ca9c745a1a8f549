"""Text that tries everything: it is shown as text, on every page there is, now and later."""

from __future__ import annotations

import json
import unicodedata
from html.parser import HTMLParser

import pytest
from web_client import Browser, CampaignMaker

from nightforge.domain.words import CampaignState, CandidateState
from nightforge.store import SqlStore

ATTACK = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)><svg/onload=alert(3)>"
    "</textarea></title></style></pre><a href=javascript:alert(4)>x</a>{{7*7}}{% raw %}${7*7}"
    "\x1b[31mred\x1b]0;title\x07\x1b]8;;http://evil.example\x1b\\link\u202eltr\u2066\u200b\u2028\u2029\x08\x7f\x9b2J"
    "<!--#exec--><![CDATA[x]]>&lt;script&gt;\r\nset-cookie: a=b\nevent: forged\nid: 9\n"
)
"""Row by row: tags, ways out of every element that text stands in, template code, terminal sequences (colour, title,
link), right-to-left and invisible characters, line separators, C1 controls, comments, header and stream splitting."""
ADDRESSES = frozenset({"href", "src", "action", "formaction", "hx-get", "hx-post", "hx-sse:connect"})
ALLOWED_SCHEMES = ("/", "#", "?")


class Checker(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.complaints: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "script" and not named.get("src", "").startswith("/static/"):
            self.complaints.append(f"script {named}")
        if tag in {"iframe", "object", "embed", "base", "style"}:
            self.complaints.append(tag)
        for name, value in named.items():
            if name.startswith("on") or name == "style":
                self.complaints.append(f"{tag} {name}={value[:60]}")
            if name in ADDRESSES and not value.startswith(ALLOWED_SCHEMES):
                self.complaints.append(f"{tag} {name}={value[:60]}")
            self.look(value)

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        self.look(data)

    def look(self, text: str) -> None:
        steering = {
            char for char in text if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"}
        }
        if steering:
            self.complaints.append(f"steers: {sorted(map(hex, map(ord, steering)))} in {text[:60]!r}")


def complaints(page: str) -> list[str]:
    checker = Checker()
    checker.feed(page)
    checker.close()
    return checker.complaints


async def scene(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> str:
    """The attack in every place that a candidate, a model or a person fills."""
    named = (await make_campaign(1.0, 1.5, None, goal=ATTACK, source=ATTACK, note=ATTACK)).campaign_id
    await browser.post("/look", {"person": ATTACK})
    await store.set_candidate_state(named, 1, CandidateState.SUSPICIOUS, reason=ATTACK)
    for path in ("hint", "note", "1/note"):
        assert (await browser.post(f"/c/{named}/{path}", {"text": ATTACK})).status_code == 303
    await browser.post(f"/c/{named}/1/cheat")
    await store.append_event(named, "planner.decision", {"reason": ATTACK, "text": ATTACK, ATTACK: ATTACK}, ordinal=1)
    await store.set_campaign_state(named, CampaignState.PAUSED, reason=ATTACK)
    return named


async def pages(browser: Browser, named: str) -> list[str]:
    """Every page of the description, filled in for the campaign."""
    paths = (await browser.get("/openapi.json")).json()["paths"]
    twins = [path for path, methods in paths.items() if "get" in methods and path.endswith(".json")]
    return [path.replace("{campaign}", named).replace("{ordinal}", "1") for path in twins]


def test_the_checker_sees_what_it_is_there_for() -> None:
    for page in ("<script>x</script>", "<b onclick=x>", "<a href='javascript:x'>", "<p style=x>", "\x1b[1m", "\u202e"):
        assert complaints(page), page
    assert complaints('<script src="/static/app.js"></script><a href="/c/x?a=1">&lt;script&gt;</a>') == []


async def test_it_is_text_on_every_page(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = await scene(browser, make_campaign, store)
    shown = 0
    for twin in await pages(browser, named):
        path = "/" if twin == "/campaigns.json" else twin.removesuffix(".json")
        if path.endswith(("/events", "/doctor")):
            continue
        query = "?with=0,1,2" if path.endswith("/compare") else ""
        answer = await browser.get(path + query)
        assert answer.status_code in {200, 404}, (path, answer.status_code)
        assert complaints(answer.text) == [], path
        shown += "alert(1)" in answer.text
    assert shown >= 1


async def test_twins_are_json_and_nothing_else(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = await scene(browser, make_campaign, store)
    for twin in await pages(browser, named):
        if twin == "/doctor.json":
            continue
        answer = await browser.get(twin + ("?with=0,1" if "compare" in twin else ""))
        assert answer.headers["content-type"].startswith("application/json"), twin
        json.loads(answer.text)


@pytest.mark.parametrize(
    "path", ["/<script>alert(1)</script>", "/c/%3Cimg%20src=x%20onerror=alert(1)%3E", "/new/%1b%5B31m"]
)
async def test_an_address_is_text_too(browser: Browser, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 404
    assert complaints(answer.text) == []


async def test_a_query_is_text_too(browser: Browser) -> None:
    answer = await browser.client.get("/new", params={"goal": ATTACK, "task": ATTACK[:150]})
    assert answer.status_code == 200
    assert complaints(answer.text) == []


async def test_a_refused_goal_comes_back_as_text(browser: Browser) -> None:
    answer = await browser.post("/new", {"goal": ATTACK})
    assert answer.status_code == 422
    assert complaints(answer.text) == []


async def test_headers_cannot_be_split(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0)).campaign_id
    for back in ("/c\r\nset-cookie: a=b", "/c\nx: y", "//evil.example", ATTACK):
        answer = await browser.post(f"/c/{named}/hint", {"text": "x", "back": back})
        assert answer.headers["location"] == f"/c/{named}"
        assert "a=b" not in str(answer.headers.get_list("set-cookie"))
