"""The event table as a stream: numbers, names, and nothing lost for who comes back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from web_client import AppMaker, Browser, CampaignMaker

from nightforge.domain.candidate import Event
from nightforge.store import SqlStore
from nightforge.web.site import Site
from nightforge.web.stream import MOST, _last_seen, _messages, message


def read(text: str) -> dict[str, str]:
    """One message, as the format's parser takes it apart."""
    return dict(line.split(": ", 1) for line in text.strip().split("\n") if not line.startswith(":"))


class Reader:
    """Takes what comes until it has seen event number `until`."""

    def __init__(self, site: Site) -> None:
        self.site = site

    async def read(self, campaign_id: str, *, after: int, until: int) -> list[int]:
        async def receive() -> dict[str, str]:
            return {"type": "http.request", "body": ""}

        request = Request({"type": "http", "headers": [], "method": "GET", "path": "/"}, receive)
        numbers: list[int] = []
        stream: AsyncIterator[str] = _messages(request, self.site, campaign_id, after)
        async for text in stream:
            seen = read(text)
            if "id" in seen:
                numbers.append(int(seen["id"]))
                if numbers[-1] >= until:
                    break
        return numbers


@pytest.fixture
def site(make_app: AppMaker) -> Site:
    found = make_app().state.site
    assert isinstance(found, Site)
    return found


async def test_it_brings_every_event_in_order_beyond_one_look(
    site: Site, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    named = (await make_campaign(1.0)).campaign_id
    for number in range(MOST + 50):
        await store.append_event(named, "test.tick", {"number": number})
    last = store.events(named, limit=5000)[-1].sequence
    assert await Reader(site).read(named, after=-1, until=last) == list(range(last + 1))


async def test_who_comes_back_gets_what_it_missed_and_nothing_twice(
    site: Site, make_campaign: CampaignMaker, store: SqlStore
) -> None:
    named = (await make_campaign(1.0, 1.1)).campaign_id
    first = store.events(named)[-1].sequence
    seen = await Reader(site).read(named, after=-1, until=first)
    await store.append_event(named, "test.while.away")
    await store.append_event(named, "test.while.away")
    again = await Reader(site).read(named, after=seen[-1], until=first + 2)
    assert again == [first + 1, first + 2]


async def test_it_ends_when_the_server_goes_down(site: Site, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0)).campaign_id
    site.closing = True
    assert await Reader(site).read(named, after=-1, until=10**9) == []


async def test_an_event_is_one_line_whatever_is_in_it(make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0)).campaign_id
    text = "a\nid: 999\n\nevent: forged\rdata: x\u2028\u2029\x00"
    await store.append_event(named, "test.text", {"text": text})
    event = store.events(named)[-1]
    seen = read(message(event))
    assert message(event).count("\n") == 4
    assert "\r" not in message(event)
    assert seen["id"] == str(event.sequence)
    assert seen["event"] == "nightforge"
    assert Event.model_validate_json(seen["data"]).payload["text"] == text


@pytest.mark.parametrize("header", ["", "x", "-1", "1e3", "9" * 16, "١٢", "3; drop"])
def test_a_number_that_cannot_be_read_leaves_the_one_of_the_address(header: str) -> None:
    assert _last_seen(header, 7) == 7
    assert _last_seen("12", 7) == 12


async def test_events_can_be_read_in_pages_too(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0)).campaign_id
    first = (await browser.get(f"/c/{named}/events.json?limit=2")).json()
    assert [event["sequence"] for event in first["events"]] == [0, 1]
    then = (await browser.get(f"/c/{named}/events.json?after={first['next_after']}")).json()
    assert then["events"][0]["sequence"] == 2
    assert json.dumps(then)


async def test_a_stream_of_nothing_is_not_found(browser: Browser) -> None:
    answer: httpx.Response = await browser.get("/c/nobody-here/stream", accept="application/json")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not found")
