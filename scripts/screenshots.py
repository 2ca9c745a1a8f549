"""Pictures of the pages for docs/images, from a seeded database; `make screenshots` runs it.

Prints, for each page, when it was first painted and what it weighs on the wire: figures for a person, not a test.
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
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import httpx

from benchmarks.seeded import seed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
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


def shoot(browser: Browser, base: str, name: str, path: str, *, dark: bool, narrow: bool) -> str:
    """One picture, and the line that is printed of it."""
    width, height = NARROW if narrow else WIDE
    scheme: Literal["dark", "light"] = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.goto(base + path)
    page.wait_for_selector("h1")
    page.wait_for_timeout(400)
    painted = page.evaluate(PAINTED)
    file = IMAGES / f"{name}-{'narrow' if narrow else 'wide'}-{scheme}.png"
    page.screenshot(path=file)
    context.close()
    with httpx.Client(timeout=60) as client:
        kilobytes = weight(client, asked) / 1000
    return f"{file.name:<32} first paint {painted or 0:5.0f} ms   {kilobytes:5.0f} kB compressed"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--home", type=Path, help="a home that is seeded already")
    chosen = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed: apt-get install chromium", file=sys.stderr)
        return 6
    from playwright.sync_api import sync_playwright

    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nightforge-") as folder:
        home = chosen.home or Path(folder)
        if chosen.home is None:
            asyncio.run(seed(home, candidates=chosen.candidates))
        with serving(home) as base, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, path in addresses(base).items():
                shown = [(False, False)]
                shown += [(True, False)] if name in {"campaign", "candidate"} else []
                shown += [(False, True)] if name in {"campaign", "candidates", "candidate"} else []
                for dark, narrow in shown:
                    print(shoot(browser, base, name, path, dark=dark, narrow=narrow))
            browser.close()
    return 0


def addresses(base: str) -> dict[str, str]:
    """The pages by name, on the largest campaign that is there. The doctor's names folders of this machine."""
    rows = httpx.get(f"{base}/campaigns.json", timeout=60).json()["campaigns"]
    largest = max(rows, key=lambda row: row["candidates"])
    planned = next((row["campaign_id"] for row in rows if row["state"] == "planned"), None)
    home, best = f"/c/{largest['campaign_id']}", largest["best_ordinal"] or 0
    others = [str(number) for number in range(3) if number != best]
    pages = {
        "campaigns": "/",
        "campaign": home,
        "candidates": f"{home}/candidates",
        "candidate": f"{home}/{best}",
        "compare": f"{home}/compare?with={best},{others[0]}",
        "lineage": f"{home}/lineage",
        "report": f"{home}/report",
        "new-goal": "/new",
    }
    return pages | ({"plan": f"/new/{planned}"} if planned else {})


if __name__ == "__main__":
    raise SystemExit(main())
