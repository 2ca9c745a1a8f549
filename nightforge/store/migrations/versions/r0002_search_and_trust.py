"""What the search, the machine's watch and the integrity layer keep."""

from __future__ import annotations

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
    _no_models()
    _no_search()


def _search() -> None:
    """Choices of the policy, archives, islands and the arms of the bandit."""
    op.add_column("candidate", sa.Column("choice", sa.Text()))


def _no_search() -> None:
    op.drop_column("candidate", "choice")


def _cache() -> None:
    """Evaluations by content."""


def _steering() -> None:
    """Owners, hints and their use."""


def _integrity() -> None:
    """Hidden sets and how often they were opened."""


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
