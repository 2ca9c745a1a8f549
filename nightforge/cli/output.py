"""Where a command's words go: stdout carries data, stderr everything else."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, ClassVar, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA_VERSION = 1
_TRAILING = re.compile(r" +((?:\x1b\[[0-9;]*m)*)(?=\n)")
"""Blanks at the end of a line, colours switched off behind them."""


@dataclass
class Output:
    """The choices of one command line: `--json`, `-q`, `-v`."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False

    current: ClassVar[Output]

    @classmethod
    def open(cls, *, json: bool = False, quiet: bool = False, verbose: bool = False) -> Output:
        output = cls(json=json, quiet=quiet, verbose=verbose)
        cls.current = output
        level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
        logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True)
        for chatty in ("httpx2", "httpcore2", "httpx", "httpcore", "openai", "docker", "urllib3", "asyncio", "alembic"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        return output

    @property
    def width(self) -> int | None:
        """Columns of the terminal that data goes to; None for a pipe, which has no edge."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def record(self, values: Mapping[str, object]) -> None:
        """One JSON object on one line of stdout, `schema_version` first."""
        # At a terminal all but ASCII goes as \\u: what a candidate wrote could steer it otherwise.
        whole = {"schema_version": SCHEMA_VERSION, **values}
        sys.stdout.write(json.dumps(whole, ensure_ascii=sys.stdout.isatty()) + "\n")
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """Plain data on stdout."""
        text = _harmless(text, sys.stdout)
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """A word to the person, on stderr; `-q` silences it."""
        if not self.quiet:
            self.alert(text)

    def alert(self, text: str) -> None:
        """As `note`, but never silenced. A terminal that is gone is no reason to stop: the store has it all."""
        with suppress(OSError):
            sys.stderr.write(_harmless(text, sys.stderr) + "\n")
            sys.stderr.flush()

    def console(self, *, stderr: bool = False) -> Console:
        """A rich console for tables; no colour and no boxes for a pipe or under NO_COLOR."""
        from rich.console import Console

        class PipedConsole(Console):
            def on_broken_pipe(self) -> None:
                """Data that nobody reads ends the command; words to a person that left do not end a campaign."""
                if not stderr:
                    raise BrokenPipeError
                self.quiet = True

        stream = sys.stderr if stderr else sys.stdout
        width = None if stream.isatty() else int(os.environ.get("COLUMNS") or 120)
        file = cast(IO[str], _Trimming(stream))
        return PipedConsole(file=file, highlight=False, markup=False, emoji=False, width=width, soft_wrap=False)


class _Trimming:
    """A stream without the blanks that rich fills the lines of a table up with."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(_TRAILING.sub(r"\1", text))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _harmless(text: str, stream: TextIO) -> str:
    """The last fence before a terminal, for what slipped past a caller: nothing that steers it. Pipes get all."""
    if not stream.isatty():
        return text
    from nightforge.report.text import clean

    return clean(text)


Output.current = Output()


def can_ask() -> bool:
    """Whether a person sits at stdin."""
    return sys.stdin is not None and sys.stdin.isatty()
