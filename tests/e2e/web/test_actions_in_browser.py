"""Every action, by a click or a key, on a campaign that runs meanwhile: with scripts, and without any."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from web_client.server import Server, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.box
GOAL = "climb the hill to its peak"
EVALUATIONS = 4000
"""More than are done before the test stops it."""


@pytest.fixture
def page(server: Server, chromium: Browser) -> Iterator[Page]:
    """With scripts. Nothing leaves the host, and the console stays silent."""
    server.start()
    context = chromium.new_context(base_url=server.base, viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(120_000)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield page
    context.close()
    assert [url for url in asked if not url.startswith((server.base, "data:", "blob:"))] == []
    assert complaints == []


@pytest.fixture
def bare(server: Server, chromium: Browser, page: Page) -> Iterator[Page]:
    """The same browser without scripts."""
    context = chromium.new_context(base_url=server.base, java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    context.close()


def row_of(server: Server, named: str) -> dict[str, object]:
    campaigns = server.twin("/campaigns.json")["campaigns"]
    assert isinstance(campaigns, list)
    return next(each for each in campaigns if each["campaign_id"] == named)


def candidate(server: Server, named: str, ordinal: int) -> dict[str, object]:
    row = server.twin(f"/c/{named}/{ordinal}.json")["row"]
    assert isinstance(row, dict)
    return row


def begun(page: Page) -> str:
    """Goal → card, which comes by itself → edited → approved by a key. The id of the campaign that runs."""
    page.goto("/new")
    page.fill("#goal", GOAL)
    page.click("details.more summary")
    page.fill("input[name=evaluations]", "6")
    page.select_option("select[name=task]", "toy-peak")
    page.click("text=Read the goal")
    page.wait_for_url("**/new/*")
    page.wait_for_selector(".plancard")
    page.fill("input[name=evaluations]", str(EVALUATIONS))
    page.fill("input[name=seed]", "7")
    page.click("text=Keep the changes")
    page.locator(f"input[name=evaluations][value='{EVALUATIONS}']").wait_for()
    named = page.url.rsplit("/", 1)[1]
    page.locator("h1").click()
    page.keyboard.press("a")
    page.wait_for_url(f"**/c/{named}", wait_until="commit")
    return named


def test_every_action_is_a_click_away(server: Server, page: Page, bare: Page) -> None:
    named = begun(page)
    wait_for(lambda: int(str(row_of(server, named)["evaluations"])) > 4)
    steer_the_campaign(server, page, named)
    mark_a_candidate(server, page, named)
    mark_without_scripts(server, bare, named)
    take_it_home(page, named)
    stop_it(server, page, bare, named)


def steer_the_campaign(server: Server, page: Page, named: str) -> None:
    page.goto(f"/c/{named}")
    page.locator("#live", has_text="live").wait_for()
    page.keyboard.press("h")
    page.keyboard.type("try the <other> slope")
    page.locator("button", has_text="Send").click()
    page.locator(".said", has_text="Hint 1 is given").wait_for()
    page.locator(".hints", has_text="try the <other> slope").get_by_role("button", name="withdraw").click()
    page.locator(".said", has_text="Hint 1 is withdrawn").wait_for()
    page.locator("summary", has_text="Notes").click()
    page.locator("#note").fill("looked at in the night")
    page.get_by_role("button", name="Keep the note").click()
    page.locator(".hints", has_text="looked at in the night").wait_for()
    page.locator("summary", has_text="Change caps").click()
    page.locator("details[open] input[name=evaluations]").fill(str(EVALUATIONS + 1))
    page.get_by_role("button", name="Change").click()
    page.locator(".said", has_text="caps are changed").wait_for()
    page.locator("#caps", has_text=f"of {EVALUATIONS + 1:,}").wait_for()
    page.keyboard.press("p")
    page.locator("#sub .s-paused").wait_for()
    assert row_of(server, named)["state"] == "paused"
    page.get_by_role("button", name="Resume").click()
    page.locator("#sub .s-running").wait_for()
    before = int(str(row_of(server, named)["evaluations"]))
    wait_for(lambda: int(str(row_of(server, named)["evaluations"])) > before)


def mark_a_candidate(server: Server, page: Page, named: str) -> None:
    page.goto(f"/c/{named}/1")
    page.keyboard.press("s")
    page.get_by_role("button", name="Starred").wait_for()
    page.locator("#note").fill("remember its <tail>")
    page.get_by_role("button", name="Keep the note").click()
    page.locator(".hints", has_text="remember its <tail>").wait_for()
    # A question first; Escape and its own button both leave everything as it was.
    for leave in ("Escape", "Enter"):
        page.keyboard.press("r")
        page.locator("#sure[open] h2", has_text="Discard this candidate?").wait_for()
        page.keyboard.press(leave)
        page.locator("#sure[open]").wait_for(state="detached")
    assert candidate(server, named, 1)["discarded"] is False
    page.keyboard.press("r")
    page.locator("#sure [value=yes]").click()
    page.get_by_role("button", name="Take back").click()
    page.locator(".said", has_text="taken back into the search").wait_for()
    page.get_by_role("button", name="Mark as cheat").click()
    page.locator("#sure [value=yes]").click()
    page.get_by_role("button", name="No cheat").wait_for()
    assert candidate(server, named, 1)["discarded"] is True
    page.get_by_role("button", name="No cheat").click()
    page.locator(".said", has_text="no longer marked as a cheat").wait_for()


def mark_without_scripts(server: Server, bare: Page, named: str) -> None:
    here = f"/c/{named}/2"
    for button, question in (
        ("Discard", "Discard this candidate?"),
        ("Mark as cheat", "Mark this candidate as a cheat?"),
    ):
        bare.goto(here)
        bare.get_by_role("button", name=button).click()
        assert bare.inner_text("h1") == question
        bare.get_by_role("link", name="No, back").click()
        bare.wait_for_url(f"**{here}")
        assert candidate(server, named, 2)["discarded"] is False
        bare.get_by_role("button", name=button).click()
        bare.locator("main button.danger").click()
        bare.wait_for_url(f"**{here}")
        assert candidate(server, named, 2)["discarded"] is True
        bare.get_by_role("button", name=re.compile("Take back|No cheat")).first.click()
        bare.locator(".said").wait_for()
        assert candidate(server, named, 2)["discarded"] is False
    bare.get_by_role("button", name="Star").click()
    bare.get_by_role("button", name="Starred").wait_for()


def take_it_home(page: Page, named: str) -> None:
    page.goto(f"/c/{named}/0")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    archive = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes()))
    assert archive.testzip() is None
    assert any("reproduce" in name for name in archive.namelist())


def stop_it(server: Server, page: Page, bare: Page, named: str) -> None:
    page.goto(f"/c/{named}")
    page.get_by_role("button", name="Stop").click()
    page.locator("#sure").get_by_role("button", name="No, back").click()
    bare.goto(f"/c/{named}")
    bare.get_by_role("button", name="Stop").click()
    assert bare.inner_text("h1") == "Stop this campaign?"
    bare.get_by_role("link", name="No, back").click()
    assert row_of(server, named)["state"] == "running"
    page.get_by_role("button", name="Stop").click()
    page.locator("#sure [value=yes]").click()
    page.locator(".said", has_text="asked to drain and save").wait_for()
    wait_for(lambda: row_of(server, named)["state"] == "finished" and not row_of(server, named)["alive"])
    page.goto(f"/c/{named}")
    page.get_by_role("button", name="Continue").wait_for()
