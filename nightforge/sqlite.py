"""What every SQLite file of ours needs when it is opened by several processes at once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable


def log_ahead(execute: Callable[[str], object], *, wait_s: float) -> None:
    """Set the write-ahead log. SQLite does not wait for others when it changes the journal's mode, so this does.

    Raises sqlite3.OperationalError when the file is still locked after `wait_s` seconds.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # The low byte: extended codes say more of the same.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
