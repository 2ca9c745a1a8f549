"""The tables and the migrations agree, on a new database and on an old one."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from nightforge.domain.plan import Plan
from nightforge.domain.words import SandboxTier
from nightforge.errors import StoreFault
from nightforge.store import open_store
from nightforge.store.engine import parse_url, writing_engine
from nightforge.store.migrate import MIGRATIONS, alembic_config, bring_up_to_date
from nightforge.store.schema import REVISION, metadata

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{current}"


def upgrade() -> None:
    with op.batch_alter_table("campaign") as batch:
        batch.add_column(sa.Column("colour", sa.Text(), nullable=False, server_default="blue"))
        batch.alter_column("reason", new_column_name="why")
    {more}
"""


@pytest.fixture
def newer_migrations(tmp_path: Path) -> Path:
    """Our migrations and one more that rebuilds a table to which others refer."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "r9999_next.py").write_text(NEXT.format(more="", current=REVISION))
    return folder


def connect(url: str) -> Connection:
    return writing_engine(parse_url(url), busy_timeout_s=5, foreign_keys=False).connect()


def test_our_revision_is_the_newest(url: str, clock: Any) -> None:
    with connect(url) as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_heads() == [REVISION]
    connection.engine.dispose()


async def test_the_migrated_tables_are_the_declared_ones(file: Path, url: str, tmp_path: Path, clock: Any) -> None:
    """WITHOUT ROWID, partial conditions and index order, which autogenerate does not compare."""
    await open_store(url, clock=clock).close()
    declared = tmp_path / "declared.db"
    engine = writing_engine(parse_url(f"sqlite:///{declared}"), busy_timeout_s=5)
    metadata.create_all(engine)
    engine.dispose()
    assert _shape(file) == _shape(declared)


def _shape(file: Path) -> dict[str, object]:
    shape: dict[str, object] = {}
    with closing(sqlite3.connect(file)) as connection:
        for name, kind, sql in connection.execute("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL"):
            if kind == "index":
                shape[name] = " ".join(sql.split())
            elif kind == "table" and name != "alembic_version":
                columns = connection.execute(f"PRAGMA table_xinfo('{name}')").fetchall()
                keys = connection.execute(f"PRAGMA foreign_key_list('{name}')").fetchall()
                shape[name] = (columns, sorted(keys), "WITHOUT ROWID" in sql)
    return shape


async def test_down_and_up_again(url: str, plan: Plan, clock: Any) -> None:
    await open_store(url, clock=clock).close()
    with connect(url) as connection, connection.begin():
        command.downgrade(alembic_config(connection), "base")
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type IN ('table', 'trigger')").all()
        assert [name for (name,) in tables] == ["alembic_version"]
    connection.engine.dispose()
    store = open_store(url, clock=clock)
    await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
    assert len(store.campaigns()) == 1
    await store.close()


async def test_an_upgrade_keeps_the_rows_and_a_backup(
    file: Path, url: str, plan: Plan, clock: Any, newer_migrations: Path
) -> None:
    store = open_store(url, clock=clock)
    campaign_id = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    await store.open_candidate(campaign_id, 0, parents=())
    await store.close()
    bring_up_to_date(parse_url(url), timeout_s=5, migrations=newer_migrations, target="9999")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT campaign_id, colour, why FROM campaign").fetchall() == [
            (campaign_id, "blue", "")
        ]
        assert connection.execute("SELECT count(*) FROM candidate").fetchone() == (1,)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute("DELETE FROM event")
    backup = file.with_name(f"nightforge.db.{REVISION}.0.backup")
    restored = open_store(f"sqlite:///{backup}", clock=clock)
    assert restored.campaign(campaign_id).tally.candidates == 1
    await restored.close()
    with pytest.raises(StoreFault, match="newer than this program") as newer:
        open_store(url, clock=clock)
    assert "install" in newer.value.hint
    assert str(file) in newer.value.where


async def test_a_failed_upgrade_leaves_everything_as_it_was(
    file: Path, url: str, plan: Plan, clock: Any, newer_migrations: Path
) -> None:
    store = open_store(url, clock=clock)
    campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
    await store.close()
    version = newer_migrations / "versions" / "r9999_next.py"
    version.write_text(NEXT.format(current=REVISION, more="op.execute('DELETE FROM campaign')"))
    with pytest.raises(StoreFault, match="would break 2 reference"):
        bring_up_to_date(parse_url(url), timeout_s=5, migrations=newer_migrations, target="9999")
    version.write_text(NEXT.format(current=REVISION, more="op.execute('SELECT nonsense')"))
    with pytest.raises(StoreFault):
        bring_up_to_date(parse_url(url), timeout_s=5, migrations=newer_migrations, target="9999")
    again = open_store(url, clock=clock)
    assert again.campaign(campaign.campaign_id) == campaign
    await again.close()
    assert len(list(file.parent.glob("*.backup"))) == 2


OPENER = """
import asyncio, sys
from nightforge.store import open_store
from tools.clock import SystemClock
asyncio.run(open_store(sys.argv[1], clock=SystemClock()).close())
"""


def test_opening_a_current_database_does_not_import_alembic(url: str) -> None:
    subprocess.run([sys.executable, "-c", OPENER, url], check=True, timeout=60)
    code = OPENER + "assert not any(name.startswith('alembic') for name in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, url], check=False, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
