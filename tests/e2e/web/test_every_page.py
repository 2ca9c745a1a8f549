"""Every page, in light and dark, wide and narrow: nothing leaves the host, nothing is cut off, axe finds nothing.

The pages are those of the API's description, so that a page which is added is looked at too.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pytest
from web_client.server import Server

from benchmarks.seeded import seed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.slow
AXE = Path(__file__).resolve().parents[3] / "build" / "axe.min.js"
T = TypeVar("T")
PAGE_LIMIT = 150_000
"""Bytes on the wire, with all that the page loads."""
FIRST_PAINT_MS = 300.0
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
WIDE, NARROW = 1280, 390
ASKED = "6"
"""A candidate of the kernel with prompts."""
DATA_ONLY = ("/events", "/course")
"""Twins without a page."""
SIDEWAYS = """() => { const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide <= 0) return "";
  const edge = document.documentElement.clientWidth;
  const past = [...document.querySelectorAll("body *")].filter((node) => node.getBoundingClientRect().right > edge + 1);
  return `${wide} px: ` + past.slice(-1).map((node) => node.outerHTML.slice(0, 160)).join(" "); }"""
AXE_RUN = """async () => { const found = await axe.run(document, {resultTypes: ["violations"]});
  const shown = (node) => `${node.html.slice(0, 200)} (${(node.any[0] || node.all[0] || {message: ""}).message})`;
  return found.violations.map((one) => `${one.id}: ` + one.nodes.slice(0, 3).map(shown).join(" | ")); }"""


def run(work: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: Playwright has an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """Campaigns of three domains, finished, paused, failed and planned; and the addresses of all pages."""
    with closing(Server(tmp_path_factory.mktemp("seeded") / "home")) as server:
        made = run(seed(server.home, candidates=400))
        server.start()
        yield server, addresses(server, made)


def addresses(server: Server, made: dict[str, str]) -> list[str]:
    paths: dict[str, dict[str, object]] = server.twin("/openapi.json")["paths"]  # type: ignore[assignment]
    found = []
    for twin in (path for path, methods in paths.items() if "get" in methods and path.endswith(".json")):
        page = "/" if twin == "/campaigns.json" else twin.removesuffix(".json")
        if page.endswith(DATA_ONLY):
            continue
        if page.startswith("/new/"):
            found += [page.replace("{campaign}", made[name]) for name in ("planned", "stalled", "kernel")]
            continue
        if page.endswith("/prompts"):
            # Of a candidate that a model was asked for, and of one that none was.
            found += [page.replace("{campaign}", made["kernel"]).replace("{ordinal}", one) for one in (ASKED, "0")]
            continue
        # What differs by domain is looked at in each; the rest where most is to be seen.
        differs = page.endswith(("/report", "/c/{campaign}", "/{ordinal}"))
        for name in ("kernel", "multiplier", "schedule", "failed") if differs else ("kernel",):
            address = page.replace("{campaign}", made[name]).replace("{ordinal}", best_of(server, made[name]))
            found.append(address + (f"?with=0,1,{best_of(server, made[name])}" if page.endswith("/compare") else ""))
    return found


def best_of(server: Server, campaign_id: str) -> str:
    campaigns: list[dict[str, object]] = server.twin("/campaigns.json")["campaigns"]  # type: ignore[assignment]
    ordinal = next((each["best_ordinal"] for each in campaigns if each["campaign_id"] == campaign_id), None)
    return "0" if ordinal is None else str(ordinal)


def context_of(chromium: Browser, *, width: int, dark: bool) -> BrowserContext:
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    return chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)


def opened(context: BrowserContext, server: Server, address: str, complaints: list[str]) -> Page:
    """Loaded and settled; what a browser complains of, and every request elsewhere, is collected."""
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.on(
        "request",
        lambda one: None if one.url.startswith((server.base, "data:", "blob:")) else complaints.append(one.url),
    )
    page.on("pageerror", lambda error: complaints.append(f"{address}: {error}"))
    page.on("console", lambda line: complaints.append(f"{address}: {line.text}") if line.type == "error" else None)
    answer = page.goto(server.base + address)
    assert answer is not None
    assert answer.status == 200, address
    page.wait_for_selector("h1")
    return page


@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (WIDE, True), (NARROW, False), (NARROW, True)])
def test_pages_are_whole(served: tuple[Server, list[str]], chromium: Browser, width: int, dark: bool) -> None:
    server, pages = served
    assert len(pages) >= 9
    complaints: list[str] = []
    context = context_of(chromium, width=width, dark=dark)
    for address in pages:
        page = opened(context, server, address, complaints)
        sideways = page.evaluate(SIDEWAYS)
        if sideways:
            complaints.append(f"{address} scrolls sideways by {sideways}")
        page.close()
    context.close()
    assert complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(served: tuple[Server, list[str]], chromium: Browser, dark: bool) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not there: `make axe` fetches it (test only, MPL-2.0, never shipped)")
    server, pages = served
    found: dict[str, list[str]] = {}
    context = context_of(chromium, width=WIDE, dark=dark)
    for address in pages:
        page = opened(context, server, address, [])
        page.evaluate(AXE.read_text(encoding="utf-8"))
        violations = page.evaluate(AXE_RUN)
        if violations:
            found[address] = violations
        page.close()
    context.close()
    assert found == {}


def asked_by(page: Page) -> set[str]:
    """Filled as the page asks."""
    urls: set[str] = set()
    page.on("request", lambda one: urls.add(one.url))
    return urls


def test_pages_are_light(served: tuple[Server, list[str]], chromium: Browser) -> None:
    """Bodies as they travel, the first time that a browser comes by."""
    server, pages = served
    heavy: dict[str, int] = {}
    for address in pages:
        context = context_of(chromium, width=WIDE, dark=False)
        page = context.new_page()
        page.set_default_timeout(120_000)
        loaded = asked_by(page)
        page.goto(server.base + address)
        page.wait_for_selector("h1")
        weight = 0
        for url in {url for url in loaded if "/stream" not in url}:
            answer = server.client.get(url)
            body = answer.content
            weight += len(body) if url.endswith(".woff2") else min(len(body), len(gzip.compress(body, 6)))
        if weight >= PAGE_LIMIT:
            heavy[address] = weight
        context.close()
    assert heavy == {}


@pytest.mark.timing
def test_the_first_paint_is_quick(tmp_path: Path, chromium: Browser) -> None:
    """Best of five on loopback, each in a context without a cache, with 10,000 candidates."""
    with closing(Server(tmp_path / "home")) as server:
        made = run(seed(server.home, candidates=10_000))
        server.start()
        best = {
            address: min(first_paint(chromium, server.base + address) for _ in range(5))
            for address in addresses(server, made)
        }
    assert {address: painted for address, painted in best.items() if painted >= FIRST_PAINT_MS} == {}


def first_paint(chromium: Browser, address: str) -> float:
    """Milliseconds; asked from here, since the pages' policy lets no text be run as a program."""
    context = context_of(chromium, width=WIDE, dark=False)
    page = context.new_page()
    page.goto(address)
    painted = None
    while painted is None:
        page.wait_for_timeout(20)
        painted = page.evaluate(PAINTED)
    context.close()
    return float(painted)


def test_every_page_stands_without_scripts(served: tuple[Server, list[str]], chromium: Browser) -> None:
    server, pages = served
    context = chromium.new_context(java_script_enabled=False)
    for address in pages:
        page = context.new_page()
        answer = page.goto(server.base + address)
        assert answer is not None
        assert answer.status == 200
        assert page.locator("h1").inner_text().strip(), address
        page.close()
    context.close()
