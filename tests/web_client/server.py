"""`nightforge serve` as a process of its own, with the toy domain beside it and a home of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(Path(sys.executable).with_name("nightforge"))
SEAL = re.compile(r'name="seal" value="([0-9a-f.]+)"')
PATIENCE_S = 120.0
"""For a slow machine: nothing here is measured by it."""


@dataclass
class Server:
    """`nightforge serve`, started and restarted at one address."""

    home: Path
    words: tuple[str, ...] = ()
    port: int = 0
    url: str = ""
    process: subprocess.Popen[str] | None = None
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60, follow_redirects=True))

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTFORGE", "OPENAI"))}
        paths = {"PYTHONPATH": str(ROOT / "tests" / "toy_domain"), "NIGHTFORGE_HOME": str(self.home)}
        return {**kept, **paths}

    def start(self, *words: str) -> dict[str, object]:
        command = [PROGRAM, "serve", "--port", str(self.port), "--json", *self.words, *words]
        self.process = subprocess.Popen(
            command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        record: dict[str, object] = json.loads(self.process.stdout.readline())
        self.url = str(record["url"])
        self.port = int(re.search(r":(\d+)/", self.url).group(1))  # type: ignore[union-attr]
        wait_for(self.answers)
        return record

    def answers(self) -> bool:
        try:
            return self.client.get(f"{self.base}/static/icon.svg").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def post(self, path: str, **fields: str) -> httpx.Response:
        found = SEAL.search(self.client.get(f"{self.base}/nowhere").text)
        assert found is not None
        form = {"seal": found.group(1), **fields}
        return self.client.post(f"{self.base}{path}", data=form, headers={"origin": self.base})

    def twin(self, path: str) -> dict[str, object]:
        answer = self.client.get(f"{self.base}{path}")
        assert answer.status_code == 200, answer.text
        document: dict[str, object] = answer.json()
        return document

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *words], env=self.environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def close(self) -> None:
        """Nothing is left running, whatever a test came to."""
        self.client.close()
        if self.process is not None:
            self.process.kill()
            with self.process:
                pass
        if (self.home / "nightforge.db").exists():
            self.run("stop", "--now")


def wait_for(is_so: Callable[[], object], *, timeout_s: float = PATIENCE_S) -> None:
    """Until it holds; fails the test when it does not."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)
