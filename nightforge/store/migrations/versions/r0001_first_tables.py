"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE_APPEND_ONLY = """
CREATE TRIGGER event_no_{verb} BEFORE {verb} ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
"""
_POSTGRES_REFUSE = """
CREATE FUNCTION event_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$
"""
_POSTGRES_APPEND_ONLY = """
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
FOR EACH STATEMENT EXECUTE FUNCTION event_refuse()
"""


def upgrade() -> None:
    _campaigns()
    _counters()
    _candidates()
    _programs()
    _evaluations()
    _calls()
    _control()
    _append_only()


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION event_refuse()")


def _append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(_SQLITE_APPEND_ONLY.format(verb=verb))
    else:
        op.execute(_POSTGRES_REFUSE)
        op.execute(_POSTGRES_APPEND_ONLY)


def _campaigns() -> None:
    op.create_table(
        "blob",
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
    )
    op.create_table(
        "campaign",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("campaign_key", name=op.f("pk_campaign")),
        sa.UniqueConstraint("campaign_id", name=op.f("uq_campaign_campaign_id")),
    )
    op.create_table(
        "document",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("saved_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_document_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("campaign_key", "name", name=op.f("pk_document")),
        sqlite_with_rowid=False,
    )


def _counters() -> None:
    op.create_table(
        "tally",
        sa.Column("campaign_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_event", sa.BigInteger(), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("evaluations", sa.Integer(), nullable=False),
        sa.Column("drafted", sa.Integer(), nullable=False),
        sa.Column("building", sa.Integer(), nullable=False),
        sa.Column("evaluating", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("measured", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("suspicious", sa.Integer(), nullable=False),
        sa.Column("model_calls", sa.Integer(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("active_s", sa.Float(), nullable=False),
        sa.Column("best_ordinal", sa.Integer(), nullable=True),
        sa.Column("best_score", sa.Float(), nullable=True),
        sa.Column("best_score_low", sa.Float(), nullable=True),
        sa.Column("last_improvement_evaluation", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_tally_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("campaign_key", name=op.f("pk_tally")),
    )
    op.create_table(
        "reason_count",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_reason_count_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("campaign_key", "reason", name=op.f("pk_reason_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operator_count",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("operator_name", sa.Text(), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("measured", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_operator_count_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("campaign_key", "operator_name", name=op.f("pk_operator_count")),
        sqlite_with_rowid=False,
    )


def _candidates() -> None:
    op.create_table(
        "candidate",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("parents", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("operator_name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("code_sha", sa.LargeBinary(length=32), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("score_low", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("starred", sa.SmallInteger(), nullable=False),
        sa.Column("discarded", sa.SmallInteger(), nullable=False),
        sa.Column("children", sa.Integer(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_candidate_campaign_key_campaign")
        ),
        sa.ForeignKeyConstraint(["code_sha"], ["blob.sha256"], name=op.f("fk_candidate_code_sha_blob")),
        sa.PrimaryKeyConstraint("campaign_key", "ordinal", name=op.f("pk_candidate")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_candidate_rank",
        "candidate",
        ["campaign_key", "state", sa.literal_column("score_low DESC"), "ordinal"],
        unique=False,
        sqlite_where=sa.text("score_low IS NOT NULL AND discarded = 0"),
        postgresql_where=sa.text("score_low IS NOT NULL AND discarded = 0"),
    )
    op.create_index(
        "ix_candidate_unfinished",
        "candidate",
        ["campaign_key", "finished_us", "ordinal"],
        unique=False,
        sqlite_where=sa.text("finished_us IS NULL"),
        postgresql_where=sa.text("finished_us IS NULL"),
    )


def _programs() -> None:
    op.create_table(
        "program",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("code_sha", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_program_campaign_key_campaign")
        ),
        sa.ForeignKeyConstraint(["code_sha"], ["blob.sha256"], name=op.f("fk_program_code_sha_blob")),
        sa.PrimaryKeyConstraint("campaign_key", "code_sha", name=op.f("pk_program")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attempt",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code_sha", sa.LargeBinary(length=32), nullable=False),
        sa.Column("operator", sa.Text(), nullable=True),
        sa.Column("operator_name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key", "ordinal"],
            ["candidate.campaign_key", "candidate.ordinal"],
            name=op.f("fk_attempt_campaign_key_ordinal_candidate"),
        ),
        sa.ForeignKeyConstraint(["code_sha"], ["blob.sha256"], name=op.f("fk_attempt_code_sha_blob")),
        sa.PrimaryKeyConstraint("campaign_key", "ordinal", "attempt", name=op.f("pk_attempt")),
        sqlite_with_rowid=False,
    )


def _evaluations() -> None:
    op.create_table(
        "evaluation",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("confirming", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("evidence_class", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("score_low", sa.Float(), nullable=True),
        sa.Column("saved_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key", "ordinal"],
            ["candidate.campaign_key", "candidate.ordinal"],
            name=op.f("fk_evaluation_campaign_key_ordinal_candidate"),
        ),
        sa.PrimaryKeyConstraint("campaign_key", "ordinal", "confirming", "attempt", name=op.f("pk_evaluation")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stage",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("confirming", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=True),
        sa.Column("feedback_sha", sa.LargeBinary(length=32), nullable=True),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=True),
        sa.Column("tools", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_key", "ordinal", "confirming", "attempt"],
            ["evaluation.campaign_key", "evaluation.ordinal", "evaluation.confirming", "evaluation.attempt"],
            name=op.f("fk_stage_campaign_key_ordinal_confirming_attempt_evaluation"),
        ),
        sa.ForeignKeyConstraint(["feedback_sha"], ["blob.sha256"], name=op.f("fk_stage_feedback_sha_blob")),
        sa.PrimaryKeyConstraint("campaign_key", "ordinal", "confirming", "attempt", "position", name=op.f("pk_stage")),
        sqlite_with_rowid=False,
    )


def _calls() -> None:
    op.create_table(
        "call",
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("request_sha", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reserved_usd", sa.Float(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("tokens_cached", sa.Integer(), nullable=False),
        sa.Column("estimated", sa.SmallInteger(), nullable=False),
        sa.Column("latency_s", sa.Float(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("reply_sha", sa.LargeBinary(length=32), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("sent_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_call_campaign_key_campaign")
        ),
        sa.ForeignKeyConstraint(["reply_sha"], ["blob.sha256"], name=op.f("fk_call_reply_sha_blob")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call")),
    )
    op.create_index("ix_call_key", "call", ["campaign_key", "ordinal", "step"], unique=False)
    op.create_index(
        "ix_call_sent",
        "call",
        ["campaign_key"],
        unique=False,
        sqlite_where=sa.text("state = 'sent'"),
        postgresql_where=sa.text("state = 'sent'"),
    )
    op.create_table(
        "call_message",
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("content_sha", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.call_id"], name=op.f("fk_call_message_call_id_call")),
        sa.ForeignKeyConstraint(["content_sha"], ["blob.sha256"], name=op.f("fk_call_message_content_sha_blob")),
        sa.PrimaryKeyConstraint("call_id", "position", name=op.f("pk_call_message")),
        sqlite_with_rowid=False,
    )


def _control() -> None:
    op.create_table(
        "event",
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_event_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("campaign_key", "sequence", name=op.f("pk_event")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "command",
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("campaign_key", sa.Integer(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("posted_us", sa.BigInteger(), nullable=False),
        sa.Column("taken_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_key"], ["campaign.campaign_key"], name=op.f("fk_command_campaign_key_campaign")
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_command")),
    )
    op.create_index(
        "ix_command_waiting",
        "command",
        ["campaign_key"],
        unique=False,
        sqlite_where=sa.text("taken_us IS NULL"),
        postgresql_where=sa.text("taken_us IS NULL"),
    )
    op.create_table(
        "lease",
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("resource", name=op.f("pk_lease")),
    )


_TABLES = (
    "blob",
    "campaign",
    "tally",
    "reason_count",
    "operator_count",
    "document",
    "candidate",
    "program",
    "attempt",
    "evaluation",
    "stage",
    "call",
    "call_message",
    "event",
    "command",
    "lease",
)
