"""The pages of a campaign in a browser: redrawn as events come, without a jump, and whole without JavaScript."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import pytest
from web_client.server import Server

from benchmarks.seeded import seed
from nightforge.domain.words import CandidateState, OperatorKind
from nightforge.store import SqlStore, open_store
from tools.clock import SystemClock

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
PATIENT_MS = 60_000
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: Playwright has an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class Night:
    """A seeded database behind a real server, and a hand on the store as the campaign's process would have it."""

    def __init__(self, server: Server, made: dict[str, str]) -> None:
        self.server = server
        self.made = made
        self.store: SqlStore = open_store(f"sqlite:///{server.home / 'nightforge.db'}", clock=SystemClock())

    @property
    def kernel(self) -> str:
        return self.made["kernel"]


@pytest.fixture
def night(server: Server) -> Iterator[Night]:
    made = run(seed(server.home, candidates=300))
    server.start()
    night = Night(server, made)
    run(night.store.claim_lease(f"campaign:{night.kernel}", "its process", ttl_s=3600))
    yield night
    run(night.store.close())


@pytest.fixture
def page(chromium: Browser, night: Night) -> Iterator[Page]:
    """Every request is to our server, and the console stays silent."""
    context = chromium.new_context(base_url=night.server.url, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENT_MS)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    hosts = {urlsplit(address).netloc for address in asked}
    context.close()
    assert hosts == {urlsplit(night.server.url).netloc}
    assert said == []


async def better(store: SqlStore, campaign_id: str, value: float) -> int:
    """A new champion, as the campaign's process writes it."""
    ordinal = store.next_ordinal(campaign_id)
    before = store.ranked(campaign_id, limit=1)[0]
    assert before.evidence is not None
    await store.open_candidate(campaign_id, ordinal, parents=(before.ordinal,))
    await store.save_code(campaign_id, ordinal, f"int p{ordinal};\n", attempt=0, operator=OperatorKind.TUNE)
    await store.save_evidence(campaign_id, ordinal, before.evidence, attempt=0, score=value, score_low=value - 0.01)
    await store.finish_candidate(campaign_id, ordinal, CandidateState.MEASURED)
    return ordinal


def test_a_campaign_is_redrawn_while_it_is_looked_at(page: Page, night: Night) -> None:
    page.goto(f"/c/{night.kernel}")
    page.locator("#live", has_text="live").wait_for()
    page.locator("#hint").fill("half a sent")
    page.locator("#progress summary").click()
    shown = page.locator(".log li").first.text_content()
    before = page.locator("#kpis").text_content()
    rows = page.locator("#ranked tbody").inner_html()
    run(better(night.store, night.kernel, 1.9))
    page.locator(".log li", has_text=re.compile(r"takes the lead.*1\.90")).first.wait_for()
    assert page.locator(".log li").first.text_content() != shown
    assert page.locator("#kpis").text_content() != before
    assert page.locator("#hint").input_value() == "half a sent"
    assert page.locator("#progress details").get_attribute("open") is not None
    assert page.locator("#ranked tbody").inner_html() == rows, "the ranking must not move under the reader"
    page.locator("[data-new-count]", has_text=re.compile(r"\d+ new")).wait_for()


def test_new_candidates_collect_behind_a_button(page: Page, night: Night) -> None:
    page.goto(f"/c/{night.kernel}/candidates")
    page.locator("#live", has_text="live").wait_for()
    first = page.locator("tbody tr").first.get_attribute("data-href")
    run(better(night.store, night.kernel, 1.91))
    button = page.locator("[data-new-count]", has_text=re.compile(r"\d+ new"))
    button.wait_for()
    assert page.locator("tbody tr").first.get_attribute("data-href") == first
    button.click()
    page.locator("tbody tr", has_text="measured").locator("visible=true").first.wait_for()
    assert page.locator("[data-new-count]").is_hidden()


def test_keys_lead_from_a_list_to_a_comparison(page: Page, night: Night) -> None:
    page.goto(f"/c/{night.kernel}/candidates")
    for key in ("j", "x", "j", "x", "c"):
        page.keyboard.press(key)
    page.wait_for_url("**/compare?with=*")
    assert page.locator(".versus thead th").count() == 3
    page.goto(f"/c/{night.kernel}/candidates")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"/c/{night.kernel}/\d+$"))
    page.keyboard.press("l")
    page.wait_for_url("**/lineage?at=*")


def test_a_star_and_a_note_stay(page: Page, night: Night) -> None:
    ordinal = night.store.ranked(night.kernel, limit=3)[1].ordinal
    page.goto(f"/c/{night.kernel}/{ordinal}")
    page.keyboard.press("s")
    page.get_by_role("button", name="Starred").wait_for()
    page.locator("#note").fill("remember the <tail>")
    page.get_by_role("button", name="Keep the note").click()
    page.get_by_text("remember the <tail>").wait_for()
    assert night.store.candidate(night.kernel, ordinal).starred
    page.goto(f"/c/{night.kernel}/candidates?state=starred")
    assert page.locator(f'tr[data-href="/c/{night.kernel}/{ordinal}"]').count() == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_whole_without_javascript(chromium: Browser, night: Night, width: int) -> None:
    """Nothing is wider than the window, and each link of the path is followed by a click."""
    context = chromium.new_context(
        base_url=night.server.url, java_script_enabled=False, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    page.set_default_timeout(PATIENT_MS)
    ordinal = night.store.ranked(night.kernel, limit=1)[0].ordinal
    asked = next(call.key.ordinal for call in night.store.calls(night.kernel) if call.key.ordinal is not None)
    multiplier, schedule = night.made["multiplier"], night.made["schedule"]
    rule = night.store.ranked(schedule, limit=1)[0].ordinal
    for path, words in (
        (f"/c/{night.kernel}", "Operators and models"),
        (f"/c/{night.kernel}/candidates?state=rejected", "wrong output"),
        (f"/c/{night.kernel}/{ordinal}", "Do I believe it?"),
        (f"/c/{night.kernel}/{ordinal}?against=seed", "What changed"),
        (f"/c/{night.kernel}/{asked}/prompts", "reply"),
        (f"/c/{night.kernel}/compare?with=0,1,2", "From .0 to .1"),
        (f"/c/{night.kernel}/lineage", "each from its parent"),
        (f"/c/{multiplier}", "hand design"),
        (f"/c/{schedule}/{rule}", "Where the gain comes from"),
        (f"/c/{night.made['planned']}", "It waits for a yes"),
        (f"/c/{night.made['failed']}", "gcc is not installed"),
    ):
        page.goto(path)
        page.locator("main").get_by_text(words).locator("visible=true").first.wait_for()
        sizes = page.locator("html").bounding_box(), page.locator("main").bounding_box()
        assert all(size is not None and size["width"] <= width for size in sizes), path
    page.goto(f"/c/{night.kernel}/candidates")
    page.get_by_role("link", name="next").click()
    page.get_by_role("link", name="previous").click()
    page.get_by_label(f"compare .{ordinal}").check()
    page.locator("tbody input[type=checkbox]").nth(1).check()
    page.get_by_role("button", name="Compare chosen").click()
    assert "/compare?with=" in page.url
    context.close()


def test_the_course_can_be_looked_into(page: Page, night: Night) -> None:
    page.goto(f"/c/{night.kernel}")
    page.locator("#live", has_text="live").wait_for()
    page.get_by_role("button", name="Explore").click()
    over = page.locator(".explored .u-over")
    over.wait_for()
    assert page.locator("#progress .plotbox").is_hidden()
    run(better(night.store, night.kernel, 1.93))
    page.locator(".log li", has_text=re.compile(r"takes the lead.*1\.93")).first.wait_for()
    assert over.is_visible(), "what is looked into stays while the page is redrawn"
    page.get_by_role("button", name="Logarithmic").click()
    page.get_by_role("button", name="Linear").wait_for()
    page.get_by_role("button", name="Back to the picture").click()
    page.locator("#progress .plotbox").wait_for()
    page.get_by_role("button", name="Explore").click()
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator(".explored .u-legend", has_text=re.compile(r"\.1[45]\d")).wait_for()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile(rf"/c/{night.kernel}/1[45]\d$"))
