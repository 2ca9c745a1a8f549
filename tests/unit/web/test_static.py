"""What is shipped for the browser: known files with their licences, and no word of another host."""

from __future__ import annotations

import gzip
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest
from web_client import Browser, CampaignMaker

from nightforge.domain.words import CampaignState
from nightforge.web.assets import BUNDLES, STATIC, asset, names, part, read, vendored

TEMPLATES = STATIC.parent / "templates"
VENDORED = STATIC / "vendored"
ELSEWHERE = re.compile(r"(?:https?:)?//[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE)
PAGE_LIMIT = 150_000
"""Bytes of a page with everything that it loads, compressed as they travel."""
NAMES = {"http://www.w3.org"}
"""XML's own names: no browser asks for them."""


def own_files() -> list[Path]:
    return sorted(
        path
        for folder in (TEMPLATES, STATIC)
        for path in folder.rglob("*")
        if path.is_file() and VENDORED not in path.parents
    )


def test_the_manifest_names_every_vendored_file_by_its_content() -> None:
    listed = json.loads((VENDORED / "manifest.json").read_text())["files"]
    assert {each["file"]: each["sha256"] for each in listed} == {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in VENDORED.iterdir()
        if path.suffix in {".js", ".css", ".woff2"}
    }
    for each in listed:
        assert each["version"] in each["file"]
        assert each["licence"] in {"0BSD", "MIT", "OFL-1.1"}
        assert len((VENDORED / each["licence_file"]).read_text()) > 500, each["name"]


def test_nothing_else_lies_among_the_vendored_files() -> None:
    listed = json.loads((VENDORED / "manifest.json").read_text())["files"]
    known = {each[name] for each in listed for name in ("file", "licence_file")} | {"manifest.json"}
    assert {path.name for path in VENDORED.iterdir()} == known


@pytest.mark.parametrize("path", own_files(), ids=lambda path: path.name)
def test_no_file_names_another_host(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace") if path.suffix != ".woff2" else ""
    assert {found for found in ELSEWHERE.findall(text) if found not in NAMES} == set()


def test_vendored_scripts_load_nothing_from_elsewhere() -> None:
    """A link in a comment is the only address in them."""
    for path in VENDORED.glob("*.js"):
        code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert ELSEWHERE.findall(code) == [], path.name


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_templates_keep_to_the_policy(path: Path) -> None:
    """No inline script, handler or style: the policy would drop them, silently."""
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert not re.search(r"\sstyle=", text)
    assert "javascript:" not in text


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_what_a_template_calls_safe_is_known(path: Path) -> None:
    """`safe` and autoescape off are where markup gets in: shapes of ours, and drawings that escape what they name."""
    marked = {each.strip() for each in re.findall(r"{{([^{}]*\|\s*safe[^{}]*)}}", path.read_text())}
    constants = {"shapes[name] | safe", "live | safe"}  # set in the template itself
    assert marked <= constants
    assert "autoescape" not in path.read_text()


def test_a_file_is_named_by_its_content() -> None:
    version = sha256((STATIC / "icon.svg").read_bytes()).hexdigest()[:12]
    assert asset("icon.svg") == f"/static/icon.svg?v={version}"
    assert asset(vendored("htmx")) == "/static/vendored/htmx-4.0.1.min.js"


@pytest.mark.parametrize(
    "path", ["/static/page.css", "/static/page.css?v=000000000000", asset("page.js"), asset(vendored("inter"))]
)
async def test_what_cannot_change_is_kept_by_the_browser(browser: Browser, path: str) -> None:
    """An address without the version of what is there now is looked at anew."""
    answer = await browser.get(path)
    lasting = "immutable" in answer.headers["cache-control"]
    assert answer.status_code == 200
    assert lasting == ("page.css" not in path)
    assert "set-cookie" not in answer.headers


async def test_what_the_browser_has_is_not_sent_again(browser: Browser) -> None:
    first = await browser.get("/static/page.css")
    again = await browser.get("/static/page.css", if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    other = await browser.get("/static/page.css", if_none_match='"another"')
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("bundle", sorted(BUNDLES))
async def test_a_bundle_is_its_parts_in_their_order(browser: Browser, bundle: str) -> None:
    answer = await browser.get(asset(bundle), accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    places = [answer.content.index(part(each).rstrip()) for each in BUNDLES[bundle]]
    assert places == sorted(places)
    plain = await browser.get(asset(bundle), accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content == read(bundle).body


def test_every_own_sheet_and_script_is_part_of_a_bundle() -> None:
    used = {each for parts in BUNDLES.values() for each in parts}
    assert {path.name for path in STATIC.iterdir() if path.suffix in {".css", ".js"}} <= used


@pytest.mark.parametrize(
    "path", ["", "nothing.css", "../app.py", "%2e%2e/app.py", "vendored", "/etc/passwd", "a\\b", "%00"]
)
async def test_nothing_but_the_files_is_served(browser: Browser, path: str) -> None:
    assert (await browser.get(f"/static/{path}")).status_code == 404
    assert not {name for name in names() if name.startswith(("/", "."))}


async def test_files_are_only_read(browser: Browser) -> None:
    assert (await browser.client.head(asset("page.css"))).content == b""
    answer = await browser.post("/static/page.css")
    assert answer.status_code == 405


async def weigh(browser: Browser, path: str) -> int:
    """The page and all that its head asks for, as bytes on the wire."""
    page = await browser.get(path)
    assert page.status_code == 200
    asked = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)) | {asset(vendored("jetbrains-mono"))}
    total = len(gzip.compress(page.content, 6))
    for address in asked:
        answer = await browser.get(address)
        total += len(answer.content if address.endswith(".woff2") else gzip.compress(answer.content, 6))
    return total


@pytest.mark.parametrize("path", ["/", "/new", "/doctor", "/new/{planned}"])
async def test_a_page_is_light(browser: Browser, make_campaign: CampaignMaker, path: str) -> None:
    planned = await make_campaign(state=CampaignState.PLANNED)
    for _ in range(3):
        await make_campaign(1.0, 1.2, None)
    weight = await weigh(browser, path.format(planned=planned.campaign_id))
    assert 50_000 < weight < PAGE_LIMIT


async def test_answers_travel_compressed(browser: Browser) -> None:
    answer = await browser.get("/new", accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
