"""The database: the truth of every campaign. `open_store` is the way in."""

from __future__ import annotations

from nightforge.store.sql_store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
