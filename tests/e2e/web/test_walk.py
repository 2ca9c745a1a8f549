"""A new user's way through docs/walk.md: from an empty database to an export, by clicks and keys alone.

Nothing is opened by its address but the first page. The goal is one of the list whose candidates are scored, not timed:
a loaded machine does not keep it waiting. With `WALK_PICTURES=1` the pictures of docs/walk.md are made on the way
(`make screenshots`).
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from web_client.server import Server, wait_for

from benchmarks.pictures import IMAGES, Camera

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.box, pytest.mark.timeout(2400)]
EVALUATIONS = 40
PATIENT_S = 1500.0


def test_from_nothing_to_an_export(server: Server, chromium: Browser, tmp_path: Path) -> None:
    camera = Camera(IMAGES if os.environ.get("WALK_PICTURES") else tmp_path / "pictures", server.home)
    server.start()
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(600_000)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)

    page.goto(f"{server.base}/")
    named = from_goal_to_start(page, camera)
    steer(page, camera, server, named)
    compare_two(page, camera, server, named)
    report_and_export(page, camera, server, named)
    context.close()
    assert [url for url in asked if not url.startswith((server.base, "data:", "blob:"))] == []
    assert complaints == []


def settle(page: Page) -> None:
    """Fonts and the first redraw are there."""
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.wait_for_timeout(500)


def from_goal_to_start(page: Page, camera: Camera) -> str:
    """Its id."""
    assert "Nothing has run yet" in page.inner_text("h1")
    page.locator("#look summary").click()
    page.locator("#look input[name=person]").fill("ann")
    page.locator("#look button.primary").click()
    page.locator("#look summary", has_text="ann").wait_for()
    page.get_by_role("link", name="Campaigns").first.click()
    page.locator(".said").wait_for(state="detached")
    settle(page)
    camera.take(page, "walk-1-empty")
    page.get_by_role("link", name="New goal").first.click()
    page.wait_for_selector("#goal")
    page.get_by_role("link", name=re.compile("^job shop: a dispatching rule")).click()
    page.wait_for_url("**/new?goal=*")
    page.locator("details.more summary").click()
    page.locator("input[name=evaluations]").fill(str(EVALUATIONS))
    settle(page)
    camera.take(page, "walk-2-goal")
    page.get_by_role("button", name="Read the goal").click()
    page.wait_for_url("**/new/*")
    page.wait_for_selector(".plancard")
    page.locator("input[name=patience]").fill("500")
    page.get_by_role("button", name="Keep the changes").click()
    page.wait_for_selector(".plancard")
    settle(page)
    camera.take(page, "walk-3-plan")
    named = page.url.rsplit("/", 1)[1]
    page.get_by_role("button", name="Approve and start").click()
    page.wait_for_url(f"**/c/{named}")
    return named


def measured(server: Server, named: str) -> int:
    listed = server.twin(f"/c/{named}/candidates.json?state=measured")
    assert listed["state"] != "failed"
    assert isinstance(listed["rows"], list)
    return len(listed["rows"])


def steer(page: Page, camera: Camera, server: Server, named: str) -> None:
    page.locator("#live", has_text="live").wait_for()
    page.locator("#hint").fill("weigh the work that is left by the queue at the machine")
    page.get_by_role("button", name="Send").click()
    page.locator(".said", has_text="Hint 1 is given").wait_for()
    wait_for(lambda: measured(server, named) > 4, timeout_s=PATIENT_S)
    page.locator("#progress .plot").wait_for()
    page.locator("[data-new-count]:visible").first.click()
    page.locator("#ranked tbody tr").nth(3).wait_for()
    settle(page)
    camera.take(page, "walk-4-campaign")


def compare_two(page: Page, camera: Camera, server: Server, named: str) -> None:
    page.get_by_role("link", name="Candidates").click()
    page.wait_for_url(f"**/c/{named}/candidates")
    page.locator("tbody input[type=checkbox]").nth(0).check()
    page.locator("tbody input[type=checkbox]").nth(1).check()
    settle(page)
    camera.take(page, "walk-5-candidates")
    page.get_by_role("button", name="Compare chosen").click()
    page.wait_for_url("**/compare?with=*")
    assert page.locator(".versus thead th").count() == 3
    settle(page)
    camera.take(page, "walk-6-compare")


def report_and_export(page: Page, camera: Camera, server: Server, named: str) -> None:
    def finished() -> bool:
        campaigns = server.twin("/campaigns.json")["campaigns"]
        assert isinstance(campaigns, list)
        assert campaigns[0]["state"] != "failed", campaigns[0]["reason"]
        return bool(campaigns[0]["state"] == "finished" and not campaigns[0]["alive"])

    wait_for(finished, timeout_s=PATIENT_S)
    page.get_by_role("link", name=named).click()
    page.wait_for_url(f"**/c/{named}")
    page.get_by_role("link", name="Report").click()
    page.wait_for_url(f"**/c/{named}/report")
    settle(page)
    camera.take(page, "walk-7-report")
    page.go_back()
    page.locator("#ranked tbody th a", has_not_text="seed").first.click()
    page.wait_for_url(re.compile(rf"/c/{named}/\d+$"))
    page.keyboard.press("s")
    page.get_by_role("button", name="Starred").wait_for()
    settle(page)
    camera.take(page, "walk-8-candidate")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    archive = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes()))
    assert archive.testzip() is None
    assert any("reproduce" in name for name in archive.namelist())
