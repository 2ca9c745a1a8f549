"""The foundation as a browser has it: nothing leaves the host, the policy holds, keys work, and so does no script."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from web_client.server import Server, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GOAL = "climb the hill to its peak"
FIRST_PAINT_MS = 300.0


@contextmanager
def watched(chromium: Browser, server: Server, *, scripts: bool = True, dark: bool = False) -> Iterator[Page]:
    """A page whose every request and complaint is looked at."""
    context = chromium.new_context(
        java_script_enabled=scripts, color_scheme="dark" if dark else "light", viewport={"width": 1280, "height": 800}
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield page
    context.close()
    assert [url for url in asked if not url.startswith((server.base, "data:"))] == []
    assert complaints == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all of them: nothing here leaves more behind than a plan."""
    made = Server(tmp_path_factory.mktemp("foundation") / "home")
    made.start()
    yield made
    made.close()


def plan_of(server: Server) -> str:
    """A plan of the toy domain that waits for approval."""
    made = server.run("run", GOAL, "--task", "toy-peak", "--evaluations", "5", "--plan-only", "--json")
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["campaign_id"])


@pytest.fixture(scope="module")
def planned(server: Server) -> str:
    return plan_of(server)


def test_pages_keep_to_their_policy_in_light_and_dark(server: Server, chromium: Browser, planned: str) -> None:
    grounds = {}
    for dark in (False, True):
        with watched(chromium, server, dark=dark) as page:
            for path in ("/", "/new", "/doctor", f"/new/{planned}"):
                page.goto(server.base + path)
                page.wait_for_load_state("networkidle") if path != "/" else page.wait_for_selector("h1")
                family = page.evaluate("getComputedStyle(document.body).fontFamily")
                assert "Inter" in family
                assert page.evaluate("document.fonts.check('14px Inter')")
                assert page.evaluate("typeof htmx") == "object"
            grounds[dark] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert grounds[False] != grounds[True]


def test_the_theme_that_was_chosen_is_there_at_the_first_paint(server: Server, chromium: Browser) -> None:
    with watched(chromium, server) as page:
        page.goto(f"{server.base}/")
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#look summary")
        page.check("input[name=theme][value=dark]")
        page.fill("input[name=person]", "Ada")
        page.click("#look button.primary")
        page.wait_for_selector(".said")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
        assert page.locator("#look summary").inner_text().strip() == "Ada"


def test_the_keyboard_goes_everywhere(server: Server, chromium: Browser, planned: str) -> None:
    with watched(chromium, server) as page:
        page.goto(f"{server.base}/")
        page.wait_for_selector("[data-href]")
        page.keyboard.press("?")
        assert "Campaigns" in page.locator("#keys dl").inner_text()
        page.keyboard.press("Escape")
        for _ in range(page.locator("[data-href]").count()):
            page.keyboard.press("j")
            if page.locator("tr.at").get_attribute("data-href") == f"/new/{planned}":
                break
        assert page.locator("tr.at").count() == 1
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/new/{planned}")
        page.keyboard.press("g")
        page.keyboard.press("n")
        page.wait_for_url("**/new")
        # Keys typed into a field are text.
        page.fill("#goal", "")
        page.keyboard.type("g c ? j")
        assert page.input_value("#goal") == "g c ? j"
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("d")
        page.wait_for_url("**/doctor")


def test_a_plan_is_edited_and_withdrawn_without_any_script(server: Server, chromium: Browser) -> None:
    named = plan_of(server)
    with watched(chromium, server, scripts=False) as page:
        page.goto(f"{server.base}/new/{named}")
        page.fill("input[name=evaluations]", "77")
        page.fill("input[name=seed]", "5")
        page.click("text=Keep the changes")
        assert page.input_value("input[name=evaluations]") == "77"
        assert page.input_value("input[name=seed]") == "5"
        page.click("text=Withdraw")
        assert page.inner_text("h1") == "Withdraw this plan?"
        assert server.twin(f"/new/{named}.json")["phase"] == "card"
        page.click("text=No, back")
        page.wait_for_url(f"**/new/{named}")
        page.click("text=Withdraw")
        page.click("main button")
        page.wait_for_selector(".said")
    assert server.twin(f"/new/{named}.json")["phase"] == "ended"


def test_a_refused_goal_keeps_what_was_typed(server: Server, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.base}/new")
    page.fill("#goal", "cook a good soup")
    page.click("text=Read the goal")
    assert page.input_value("#goal") == "cook a good soup"
    assert page.locator("[role=alert]").count() == 1
    context.close()


def test_htmx_follows_the_stream_and_says_when_it_is_lost(server: Server, chromium: Browser, planned: str) -> None:
    """The bar at the top: live, then reconnecting while the server is away, then live again with what was missed."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{server.base}/new/{planned}")
    page.evaluate(
        """planned => { const node = document.createElement('div');
        node.setAttribute('hx-sse:connect', `/c/${planned}/stream?after=-1`); node.setAttribute('hx-swap', 'none');
        window.seen = []; document.addEventListener('nightforge', (event) => window.seen.push(Number(event.detail.id)));
        document.body.append(node); htmx.process(node); }""",
        planned,
    )
    wait_for(lambda: page.evaluate("window.seen.length") > 0)
    assert "live" in page.locator("#live").inner_text()
    server.stop()
    wait_for(lambda: "reconnecting" in page.locator("#live").inner_text())
    server.run("hint", planned, "while it is down")
    server.start()
    last = int(str(server.twin(f"/c/{planned}/events.json?limit=1000")["next_after"]))
    wait_for(lambda: page.evaluate("window.seen.at(-1)") == last)
    assert page.evaluate("window.seen") == list(range(last + 1))
    context.close()


@pytest.mark.timing
def test_the_first_paint_is_quick(server: Server, chromium: Browser, planned: str) -> None:
    """Best of three on loopback, each in a context without a cache."""
    for path in ("/", "/new", f"/new/{planned}"):
        server.client.get(server.base + path)
        best = float("inf")
        for _ in range(3):
            context = chromium.new_context()
            page = context.new_page()
            page.goto(server.base + path)
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            best = min(best, page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            context.close()
        assert best < FIRST_PAINT_MS, path
