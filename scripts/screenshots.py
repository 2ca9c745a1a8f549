"""Pictures of the pages for docs/images, from a seeded database; `make screenshots` runs it.

Prints, for each page, when it was first painted (the best of three visits, each with an empty cache) and what it weighs
on the wire: figures for a person, not a test.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import httpx

from benchmarks.pictures import IMAGES, Camera
from benchmarks.seeded import seed
from nightforge.store import open_store
from tools.clock import SystemClock

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
VISITS = 3
WIDE, NARROW = (1280, 900), (390, 844)


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """The address of a server on that home."""
    program = Path(sys.executable).with_name("nightforge")
    environment = {**os.environ, "NIGHTFORGE_HOME": str(home), "NIGHTFORGE_OWNER": "ann"}
    command = [str(program), "serve", "--port", "0", "--json", "--quiet"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield str(json.loads(process.stdout.readline())["url"]).rstrip("/")
        finally:
            process.send_signal(signal.SIGTERM)


def weight(client: httpx.Client, urls: set[str]) -> int:
    """Bytes as they travel: compressed, fonts as they are."""
    bodies = {url: client.get(url).content for url in urls if "/stream" not in url}
    return sum(
        len(body) if url.endswith(".woff2") else min(len(body), len(gzip.compress(body, 6)))
        for url, body in bodies.items()
    )


def first_paint(browser: Browser, address: str) -> float:
    """ms, the best of some visits with nothing in the cache."""
    found = []
    for _ in range(VISITS):
        context = browser.new_context()
        page = context.new_page()
        page.goto(address)
        # Asked from here: the pages' policy lets no text be run as a program, as a wait inside the page would.
        while (painted := page.evaluate(PAINTED)) is None:
            page.wait_for_timeout(20)
        found.append(float(painted))
        context.close()
    return min(found)


def shoot(browser: Browser, base: str, camera: Camera, shot: Shot) -> str:
    """One picture, and the line that is printed of it."""
    width, height = NARROW if shot.narrow else WIDE
    scheme: Literal["dark", "light"] = "dark" if shot.dark else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.goto(base + shot.path)
    page.wait_for_selector("h1")
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.wait_for_timeout(600)
    file = camera.take(page, f"{shot.name}-{'narrow' if shot.narrow else 'wide'}-{scheme}")
    context.close()
    with httpx.Client(timeout=60) as client:
        kilobytes = weight(client, asked) / 1000
    painted = first_paint(browser, base + shot.path)
    size = file.stat().st_size / 1000
    return f"{file.name:<34} first paint {painted:5.0f} ms   {kilobytes:5.0f} kB compressed   picture {size:4.0f} kB"


@contextmanager
def at_work(home: Path, campaign_id: str) -> Iterator[None]:
    """The campaign as it looks while its process holds it."""
    store = open_store(f"sqlite:///{home / 'nightforge.db'}", clock=SystemClock())
    lease = asyncio.run(store.claim_lease(f"campaign:{campaign_id}", "its process", ttl_s=1800))
    assert lease is not None
    try:
        yield
    finally:
        asyncio.run(store.release_lease(lease))
        asyncio.run(store.close())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--home", type=Path, help="a home that is seeded already")
    parser.add_argument("--out", type=Path, default=IMAGES, help="a folder for the pictures (docs/images)")
    chosen = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed: apt-get install chromium", file=sys.stderr)
        return 6
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="nightforge-") as folder:
        home = chosen.home or Path(folder)
        if chosen.home is None:
            asyncio.run(seed(home, candidates=chosen.candidates))
        print(f"load {os.getloadavg()[0]:.1f}, {chosen.candidates:,} candidates")
        with serving(home) as base:
            rows = httpx.get(f"{base}/campaigns.json", timeout=60).json()["campaigns"]
            kernel = str(max(rows, key=lambda row: row["candidates"])["campaign_id"])
            with at_work(home, kernel), sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                for shot in shots(rows, kernel):
                    print(shoot(browser, base, Camera(chosen.out, home), shot), flush=True)
                browser.close()
    return 0


@dataclass(frozen=True)
class Shot:
    name: str
    path: str
    dark: bool = False
    narrow: bool = False


def shots(rows: list[dict[str, object]], kernel: str) -> list[Shot]:
    """Every page light and wide; what is looked at most in the dark and on a phone, too; views of a domain."""
    of_task = {str(row["task"]): row for row in rows if row["state"] != "planned"}
    best = next(row for row in rows if row["campaign_id"] == kernel)["best_ordinal"] or 0
    planned = [str(row["campaign_id"]) for row in rows if row["state"] == "planned"]
    home = f"/c/{kernel}"
    pages = {
        "campaigns": "/",
        "new-goal": "/new",
        "plan": f"/new/{planned[0]}",
        "campaign": home,
        "candidates": f"{home}/candidates",
        "candidate": f"{home}/{best}",
        "compare": f"{home}/compare?with={best},1",
        "lineage": f"{home}/lineage",
        "report": f"{home}/report",
        "doctor": "/doctor",
    }
    found = [Shot(name, path) for name, path in pages.items()]
    found += [Shot(name, pages[name], dark=True) for name in ("campaigns", "campaign", "candidate", "compare")]
    found += [Shot(name, pages[name], narrow=True) for name in ("campaign", "candidates", "candidate")]
    for task, name in (("mul8", "front"), ("job-shop", "schedule")):
        row = of_task[task]
        path = f"/c/{row['campaign_id']}" + (f"/{row['best_ordinal']}" if name == "schedule" else "")
        found.append(Shot(name, path, dark=name == "schedule"))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
