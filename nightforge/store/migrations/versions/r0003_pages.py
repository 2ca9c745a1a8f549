"""Indexes for looks of the pages: a state's candidates by number, a parent's children, what there is to tell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_IS_FINISHED = sa.text("finished_us IS NOT NULL")
_IS_NEWS = sa.text(
    "kind NOT IN ('call.sent', 'call.settled', 'campaign.document', 'candidate.code', 'candidate.drafts', "
    "'candidate.evidence', 'candidate.opened', 'candidate.state', 'candidate.verdict')"
)


def upgrade() -> None:
    op.create_index(
        op.f("ix_candidate_finished"),
        "candidate",
        ["campaign_key", "state", "ordinal", "finished_us"],
        sqlite_where=_IS_FINISHED,
        postgresql_where=_IS_FINISHED,
    )
    op.create_index(
        op.f("ix_candidate_parents"),
        "candidate",
        ["campaign_key", "parents", "ordinal"],
        postgresql_ops={"parents": "text_pattern_ops"},
    )
    op.create_index(
        op.f("ix_event_news"),
        "event",
        ["campaign_key", "kind", "sequence"],
        sqlite_where=_IS_NEWS,
        postgresql_where=_IS_NEWS,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_event_news"), table_name="event")
    op.drop_index(op.f("ix_candidate_parents"), table_name="candidate")
    op.drop_index(op.f("ix_candidate_finished"), table_name="candidate")
