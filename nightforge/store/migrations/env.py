"""Alembic's entry: the caller gives an open transaction, which holds the whole upgrade or nothing of it."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from nightforge.store.schema import metadata

connection = context.config.attributes["connection"]
assert isinstance(connection, Connection)
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True, compare_type=True
)
with context.begin_transaction():
    context.run_migrations()
