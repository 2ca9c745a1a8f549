"""What the search, the machine's watch and the integrity layer keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _search()
    _cache()
    _steering()
    _integrity()
    _models()


def downgrade() -> None:
    """Each part takes away what it added."""
    op.drop_table("hidden_look")
    op.drop_table("hidden_opening")
    _no_steering()
    _no_models()
    _no_cache()
    _no_search()


def _search() -> None:
    """Choices of the policy, archives, islands and the arms of the bandit."""
    op.add_column("candidate", sa.Column("choice", sa.Text()))
    count = sa.Integer
    _of_campaign(
        "trial",
        ("ordinal",),
        [sa.Column("ordinal", count(), nullable=False), sa.Column("island", sa.SmallInteger(), nullable=False)],
        [sa.Column("arm", sa.Text(), nullable=False), *_numbers("reward", "cost")],
    )
    _of_campaign(
        "resident",
        ("island", "ordinal"),
        [sa.Column("island", sa.SmallInteger(), nullable=False), sa.Column("ordinal", count(), nullable=False)],
        [sa.Column("cell", sa.Text(), nullable=False), *_numbers("score_low")],
        [sa.Column("objectives", sa.Text(), nullable=False)],
    )
    _of_campaign(
        "progress",
        ("island",),
        [sa.Column("island", sa.SmallInteger(), nullable=False), sa.Column("told", count(), nullable=False)],
        [sa.Column("best", sa.Float()), *_numbers("signal", "gain")],
        [sa.Column("stale", count(), nullable=False), sa.Column("moved", count(), nullable=False)],
    )
    _of_campaign(
        "arm",
        ("model", "operator"),
        [sa.Column("model", sa.Text(), nullable=False), sa.Column("operator", sa.Text(), nullable=False)],
        [sa.Column("pulls", count(), nullable=False), *_numbers("wins", "losses", "cost")],
    )
    _of_campaign(
        "shape",
        ("digest",),
        [sa.Column("digest", sa.LargeBinary(length=16), nullable=False), sa.Column("ordinal", count(), nullable=False)],
    )
    _of_campaign(
        "lesson",
        ("number",),
        [sa.Column("number", sa.SmallInteger(), nullable=False), sa.Column("task", sa.Text(), nullable=False)],
        [sa.Column("language", sa.Text(), nullable=False), sa.Column("text", sa.Text(), nullable=False)],
    )
    op.create_index(op.f("ix_lesson_task"), "lesson", ["task", "campaign_key"])
    op.create_index(op.f("ix_lesson_language"), "lesson", ["language", "campaign_key"])


def _numbers(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float(), nullable=False) for name in names]


def _of_campaign(table: str, key: Sequence[str], *columns: Sequence[sa.Column[Any]]) -> None:
    op.create_table(
        table,
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        *(column for group in columns for column in group),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f(f"fk_{table}_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("campaign_key", *key, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _no_search() -> None:
    for table in ("lesson", "shape", "arm", "progress", "resident", "trial"):
        op.drop_table(table)
    op.drop_column("candidate", "choice")


def _cache() -> None:
    """Evaluations by content."""
    op.add_column("evaluation", sa.Column("taken_from", sa.Text()))
    op.add_column("tally", sa.Column("evaluations_taken", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_table(
        "answered_question",
        sa.Column("question", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_answered_question_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("question", "seed", name=op.f("pk_answered_question")),
        sqlite_with_rowid=False,
    )


def _no_cache() -> None:
    op.drop_table("answered_question")
    op.drop_column("tally", "evaluations_taken")
    op.drop_column("evaluation", "taken_from")


def _steering() -> None:
    """Owners, hints and their use."""
    op.add_column("campaign", sa.Column("owner", sa.Text(), nullable=False, server_default=sa.text("''")))
    _marks()
    _hints()


def _marks() -> None:
    op.create_table(
        "mark",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key", "ordinal"],
            ["candidate.campaign_key", "candidate.ordinal"],
            name=op.f("fk_mark_campaign_key_ordinal_candidate"),
        ),
        sa.PrimaryKeyConstraint("campaign_key", "ordinal", "mark", name=op.f("pk_mark")),
        sqlite_with_rowid=False,
    )


def _hints() -> None:
    op.create_table(
        "hint",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("hint", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("posted_us", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_us", sa.BigInteger(), nullable=True),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_hint_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("campaign_key", "hint", name=op.f("pk_hint")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "hint_use",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hint", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("used", sa.SmallInteger(), nullable=False),
        sa.Column("parent_low", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_key", "ordinal"],
            ["candidate.campaign_key", "candidate.ordinal"],
            name=op.f("fk_hint_use_campaign_key_ordinal_candidate"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_key", "hint"],
            ["hint.campaign_key", "hint.hint"],
            name=op.f("fk_hint_use_campaign_key_hint_hint"),
        ),
        sa.PrimaryKeyConstraint("campaign_key", "ordinal", "hint", name=op.f("pk_hint_use")),
        sqlite_with_rowid=False,
    )


def _no_steering() -> None:
    for name in ("hint_use", "hint", "mark"):
        op.drop_table(name)
    op.drop_column("campaign", "owner")


def _integrity() -> None:
    """Hidden sets and how often they were opened."""
    _of_campaign(
        "hidden_opening",
        ("opening",),
        [sa.Column("opening", sa.Integer(), autoincrement=False, nullable=False)],
        [sa.Column("task", sa.Text(), nullable=False), sa.Column("opened_us", sa.BigInteger(), nullable=False)],
    )
    op.create_index(op.f("ix_hidden_opening_task"), "hidden_opening", ["task"])
    op.create_table(
        "hidden_look",
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("look", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("looked_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("task", "look", name=op.f("pk_hidden_look")),
        sqlite_with_rowid=False,
    )


def _models() -> None:
    """What was probed of models, and the unseen part of their output."""
    op.add_column("call", sa.Column("tokens_reasoning", sa.Integer(), nullable=True))
    op.create_table(
        "model_profile",
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("base_url", "model", name=op.f("pk_model_profile")),
        sqlite_with_rowid=False,
    )


def _no_models() -> None:
    op.drop_table("model_profile")
    op.drop_column("call", "tokens_reasoning")
