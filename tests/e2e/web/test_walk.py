"""A new user's way through docs/walk.md: from an empty database to an export, by clicks and keys alone."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from web_client.server import Server, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.slow, pytest.mark.box]


def test_from_nothing_to_an_export(server: Server, chromium: Browser) -> None:
    server.start()
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(120_000)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))

    page.goto(f"{server.base}/")
    assert "Nothing has run yet" in page.inner_text("h1")
    page.click("text=New goal >> nth=0")
    page.fill("#goal", "climb the hill to its peak")
    page.click("details.more summary")
    page.fill("input[name=evaluations]", "40")
    page.select_option("select[name=task]", "toy-peak")
    page.click("text=Read the goal")
    page.wait_for_selector(".plancard")
    named = page.url.rsplit("/", 1)[1]
    page.fill("input[name=evaluations]", "30")
    page.click("text=Keep the changes")
    page.wait_for_selector(".plancard")
    page.click("text=Approve and start")
    page.wait_for_url(f"**/c/{named}")

    def state() -> str:
        campaigns = server.twin("/campaigns.json")["campaigns"]
        assert isinstance(campaigns, list)
        return str(campaigns[0]["state"])

    wait_for(lambda: state() == "finished")
    page.goto(f"{server.base}/")
    page.click("[data-href] a >> nth=0")
    page.wait_for_url(f"**/c/{named}")
    page.goto(f"{server.base}/c/{named}/compare?with=0,1")
    assert page.locator("h1").count() == 1
    page.goto(f"{server.base}/c/{named}/report")
    assert page.locator("h1").count() >= 1
    row = server.twin("/campaigns.json")["campaigns"][0]  # type: ignore[index]
    best = row["best_ordinal"]
    page.goto(f"{server.base}/c/{named}/{best}")
    with page.expect_download() as download:
        page.click("a[href*='export']")
    archive = zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes()))
    assert archive.testzip() is None
    assert any("reproduce" in name for name in archive.namelist())
    context.close()
    assert [url for url in asked if not url.startswith((server.base, "data:", "blob:"))] == []
