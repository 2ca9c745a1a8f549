"""The report's page and the downloads: the same document, nothing run, nothing of a candidate's taken as markup."""

from __future__ import annotations

import io
import json
import re
import zipfile
from html import unescape

import pytest
from web_client import Browser, CampaignMaker

from nightforge.domain.words import CandidateState
from nightforge.report.model import Report
from nightforge.store import SqlStore

HOSTILE = '</style><script>alert(1)</script><img src=x onerror=alert(2)>"'


async def test_the_page_the_file_and_the_twin_are_one_document(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0, 1.5, None)).campaign_id
    page = await browser.get(f"/c/{named}/report")
    twin = (await browser.get(f"/c/{named}/report.json")).json()
    report = Report.model_validate(twin["report"])
    assert page.status_code == 200
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())
    assert " ".join(report.headline.split()) in words
    for section in report.sections:
        assert section.title in words
    whole = await browser.get(f"/c/{named}/report.html")
    assert "attachment" in whole.headers["content-disposition"]
    assert whole.text.startswith("<!doctype html>")
    markdown = await browser.get(f"/c/{named}/report.md")
    assert markdown.text.startswith(f"# Campaign {named}")


async def test_the_page_obeys_the_strict_policy(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    page = await browser.get(f"/c/{named}/report")
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert "<style" not in page.text
    assert not re.search(r'\sstyle="', page.text)
    (look,) = re.findall(r'href="(/static/page-report\.css\?v=[0-9a-f]+)"', page.text)
    sheet = await browser.get(look)
    assert sheet.headers["content-type"].startswith("text/css")
    assert "immutable" in sheet.headers["cache-control"]
    assert ".plot .best" in sheet.text


async def test_hostile_words_are_words(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0, 1.5, goal=HOSTILE)).campaign_id
    await store.open_candidate(named, 2, parents=[1])
    await store.save_code(named, 2, f"// {HOSTILE}\n", attempt=0, operator=None, note=HOSTILE)
    for address in (f"/c/{named}/report", f"/c/{named}/report.html"):
        text = (await browser.get(address)).text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "alert(1)" in unescape(text)


async def test_a_candidate_as_a_folder(browser: Browser, make_campaign: CampaignMaker) -> None:
    named = (await make_campaign(1.0, 1.5)).campaign_id
    got = await browser.get(f"/c/{named}/1/export.zip")
    assert got.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(got.content)) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
        assert {"program.c", "artifact.json", "provenance.json", "reproduce", "README.md", "kernel.py"} <= names
        assert not any(name.startswith("/") or ".." in name for name in archive.namelist())
        artifact = json.loads(archive.read(f"nightforge-{named}-1/artifact.json"))
    assert artifact["candidate"] == f"{named}.1"


async def test_what_cannot_leave_says_why(browser: Browser, make_campaign: CampaignMaker, store: SqlStore) -> None:
    named = (await make_campaign(1.0, 1.5, None)).campaign_id
    await store.set_candidate_state(named, 1, CandidateState.SUSPICIOUS, reason="below_roof")
    refused = await browser.get(f"/c/{named}/1/export.zip")
    assert 400 <= refused.status_code < 500
    assert "suspicious" in refused.text
    assert (await browser.get(f"/c/{named}/1/export.zip?force=true")).status_code == 200


@pytest.mark.parametrize(
    "address", ["/c/none/report", "/c/none/report.json", "/c/none/report.html", "/c/none/0/export.zip"]
)
async def test_unknown_ones_are_not_found(browser: Browser, make_campaign: CampaignMaker, address: str) -> None:
    await make_campaign(1.0)
    assert (await browser.get(address)).status_code == 404


@pytest.mark.parametrize("tail", ["report.exe", "99/export.zip", "99999999999/export.zip", "-1/export.zip"])
async def test_malformed_ones_are_no_fault_of_ours(browser: Browser, make_campaign: CampaignMaker, tail: str) -> None:
    named = (await make_campaign(1.0)).campaign_id
    assert 400 <= (await browser.get(f"/c/{named}/{tail}")).status_code < 500
