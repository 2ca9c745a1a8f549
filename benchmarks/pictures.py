"""Pictures of pages for docs/images: small, and without a word about the machine that they were taken on."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
LARGEST = 150_000
"""Bytes of a picture in docs/."""
REWORD = """(words) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode())
    for (const [from, to] of words) node.data = node.data.replaceAll(from, to);
}"""


@dataclass(frozen=True)
class Camera:
    """Pictures go to `folder`. `home` and this checkout are shown as a person's own, the machine's name as none."""

    folder: Path
    home: Path

    @property
    def words(self) -> list[tuple[str, str]]:
        """What is shown instead, the longest first."""
        said = {
            str(self.home): "~/.local/share/nightforge",
            sys.prefix: "~/nightforge/.venv",
            str(ROOT): "~/nightforge",
            socket.gethostname(): "workstation",
        }
        return sorted(said.items(), key=lambda pair: -len(pair[0]))

    def take(self, page: Page, name: str) -> Path:
        """As it stands, in at most 256 colours where pngquant is installed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{name}.png"
        page.evaluate(REWORD, self.words)
        page.screenshot(path=file)
        self._shrink(file)
        return file

    def _shrink(self, file: Path) -> None:
        tool = shutil.which("pngquant")
        if tool is None:
            assert self.folder != IMAGES, "pngquant is not installed: apt-get install pngquant"
            return
        command = [tool, "--speed", "1", "--strip", "--nofs", "--force", "--output", str(file), "160", str(file)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        size = file.stat().st_size
        assert size < LARGEST, f"{file.name} has {size:,} bytes: show less of the page"
