"""The tables. Times are integer microseconds since 1970 UTC; digests are raw SHA-256; flags are 0 or 1.

Every table of a campaign starts its key with `campaign_key`, so that a campaign's rows lie together and a look
never touches another campaign's. Composite keys are stored WITHOUT ROWID on SQLite.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

REVISION = "0003"
"""The migration that this release's tables stand at."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

STATE_COLUMNS = ("drafted", "building", "evaluating", "rejected", "measured", "confirmed", "suspicious")

blob = Table(
    "blob",
    metadata,
    Column("sha256", LargeBinary(32), primary_key=True),
    Column("size", Integer, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

campaign = Table(
    "campaign",
    metadata,
    Column("campaign_key", Integer, primary_key=True),
    Column("campaign_id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
    Column("owner", Text, nullable=False, server_default=text("''")),
)


def _campaign_key(*, primary: bool = True) -> Column[int]:
    return Column("campaign_key", Integer, ForeignKey("campaign.campaign_key"), primary_key=primary, nullable=False)


def _blob_digest(name: str, *, nullable: bool = True) -> Column[bytes]:
    return Column(name, LargeBinary(32), ForeignKey("blob.sha256"), nullable=nullable)


tally = Table(
    "tally",
    metadata,
    Column("campaign_key", Integer, ForeignKey("campaign.campaign_key"), primary_key=True, autoincrement=False),
    Column("next_event", BigInteger, nullable=False),
    Column("candidates", Integer, nullable=False),
    Column("evaluations", Integer, nullable=False),
    *(Column(name, Integer, nullable=False) for name in STATE_COLUMNS),
    Column("model_calls", Integer, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("active_s", Float, nullable=False),
    Column("best_ordinal", Integer),
    Column("best_score", Float),
    Column("best_score_low", Float),
    Column("last_improvement_evaluation", Integer, nullable=False),
    Column("evaluations_taken", Integer, nullable=False, server_default=text("0")),
)

reason_count = Table(
    "reason_count",
    metadata,
    _campaign_key(),
    Column("reason", Text, primary_key=True),
    Column("candidates", Integer, nullable=False),
    sqlite_with_rowid=False,
)

operator_count = Table(
    "operator_count",
    metadata,
    _campaign_key(),
    Column("operator_name", Text, primary_key=True),
    Column("candidates", Integer, nullable=False),
    Column("measured", Integer, nullable=False),
    sqlite_with_rowid=False,
)

document = Table(
    "document",
    metadata,
    _campaign_key(),
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("saved_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

candidate = Table(
    "candidate",
    metadata,
    _campaign_key(),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("parents", Text, nullable=False),
    Column("operator", Text),
    Column("operator_name", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    _blob_digest("code_sha"),
    Column("score", Float),
    Column("score_low", Float),
    Column("reason", Text, nullable=False),
    Column("verdict", Text),
    Column("starred", SmallInteger, nullable=False),
    Column("discarded", SmallInteger, nullable=False),
    Column("children", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger),
    Column("choice", Text),
    sqlite_with_rowid=False,
)

CAN_RANK = text("score_low IS NOT NULL AND discarded = 0")
"""Literal, and the same in queries: SQLite uses a partial index only when it can prove the condition."""
IS_UNFINISHED = text("finished_us IS NULL")
IS_FINISHED = text("finished_us IS NOT NULL")
IS_NEWS = text(
    "kind NOT IN ('call.sent', 'call.settled', 'campaign.document', 'candidate.code', 'candidate.drafts', "
    "'candidate.evidence', 'candidate.opened', 'candidate.state', 'candidate.verdict')"
)
"""Events that a person is told of; those left out come several to each candidate."""

Index(
    "ix_candidate_rank",
    candidate.c.campaign_key,
    candidate.c.state,
    candidate.c.score_low.desc(),
    candidate.c.ordinal,
    sqlite_where=CAN_RANK,
    postgresql_where=CAN_RANK,
)
Index(
    "ix_candidate_unfinished",
    candidate.c.campaign_key,
    candidate.c.finished_us,  # always NULL here: one equality more makes SQLite prefer this index to the primary key
    candidate.c.ordinal,
    sqlite_where=IS_UNFINISHED,
    postgresql_where=IS_UNFINISHED,
)
Index(
    "ix_candidate_finished",
    candidate.c.campaign_key,
    candidate.c.state,
    candidate.c.ordinal,
    candidate.c.finished_us,  # always set here: held, so that SQLite finds all that a list asks for in the index
    sqlite_where=IS_FINISHED,
    postgresql_where=IS_FINISHED,
)
Index(
    "ix_candidate_parents",
    candidate.c.campaign_key,
    candidate.c.parents,
    candidate.c.ordinal,
    postgresql_ops={"parents": "text_pattern_ops"},
)
"""`parents` begins with the first parent's number, so that its children lie together."""

program = Table(
    "program",
    metadata,
    _campaign_key(),
    Column("code_sha", LargeBinary(32), ForeignKey("blob.sha256"), primary_key=True),
    Column("ordinal", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The candidate that first saved each program of a campaign."""

attempt = Table(
    "attempt",
    metadata,
    Column("campaign_key", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    _blob_digest("code_sha", nullable=False),
    Column("operator", Text),
    Column("operator_name", Text, nullable=False),
    Column("note", Text, nullable=False),
    ForeignKeyConstraint(["campaign_key", "ordinal"], ["candidate.campaign_key", "candidate.ordinal"]),
    sqlite_with_rowid=False,
)

evaluation = Table(
    "evaluation",
    metadata,
    Column("campaign_key", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("confirming", SmallInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("phase", Text, nullable=False),
    Column("evidence_class", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("score", Float),
    Column("score_low", Float),
    Column("saved_us", BigInteger, nullable=False),
    Column("taken_from", Text),
    ForeignKeyConstraint(["campaign_key", "ordinal"], ["candidate.campaign_key", "candidate.ordinal"]),
    sqlite_with_rowid=False,
)
"""`confirming` 0: the evaluation of `attempt`. 1: confirmations, numbered by `attempt` from 0, the last one counts."""

stage = Table(
    "stage",
    metadata,
    Column("campaign_key", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("confirming", SmallInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("stage", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("metrics", Text),
    _blob_digest("feedback_sha"),
    Column("duration_s", Float, nullable=False),
    Column("seed", Text),
    Column("tools", Text),
    ForeignKeyConstraint(
        ["campaign_key", "ordinal", "confirming", "attempt"],
        ["evaluation.campaign_key", "evaluation.ordinal", "evaluation.confirming", "evaluation.attempt"],
    ),
    sqlite_with_rowid=False,
)
"""`seed` is decimal text: seeds come from the OS and may not fit in 63 bits."""

trial = Table(
    "trial",
    metadata,
    _campaign_key(),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("island", SmallInteger, nullable=False),
    Column("arm", Text, nullable=False),
    Column("reward", Float, nullable=False),
    Column("cost", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""The candidates that the search policy has heard of, so that none counts twice."""

resident = Table(
    "resident",
    metadata,
    _campaign_key(),
    Column("island", SmallInteger, primary_key=True, autoincrement=False),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("cell", Text, nullable=False),
    Column("score_low", Float, nullable=False),
    Column("objectives", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""The archive of each island; island -1 is the Pareto front. Bounded by the policy, whatever the campaign's length."""

progress = Table(
    "progress",
    metadata,
    _campaign_key(),
    Column("island", SmallInteger, primary_key=True, autoincrement=False),
    Column("told", Integer, nullable=False),
    Column("best", Float),
    Column("signal", Float, nullable=False),
    Column("gain", Float, nullable=False),
    Column("stale", Integer, nullable=False),
    Column("moved", Integer, nullable=False),
    sqlite_with_rowid=False,
)

arm = Table(
    "arm",
    metadata,
    _campaign_key(),
    Column("model", Text, primary_key=True),
    Column("operator", Text, primary_key=True),
    Column("pulls", Integer, nullable=False),
    Column("wins", Float, nullable=False),
    Column("losses", Float, nullable=False),
    Column("cost", Float, nullable=False),
    sqlite_with_rowid=False,
)
"""Model × operator, as the bandit sees them."""

shape = Table(
    "shape",
    metadata,
    _campaign_key(),
    Column("digest", LargeBinary(16), primary_key=True),
    Column("ordinal", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""The first candidate with each syntax tree, names of locals and layout apart."""

lesson = Table(
    "lesson",
    metadata,
    _campaign_key(),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("task", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("text", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What a campaign left for later ones; written once, at its end."""

Index("ix_lesson_task", lesson.c.task, lesson.c.campaign_key)
Index("ix_lesson_language", lesson.c.language, lesson.c.campaign_key)

answered_question = Table(
    "answered_question",
    metadata,
    Column("question", LargeBinary(32), primary_key=True),
    Column("seed", Text, primary_key=True),
    Column("campaign_key", Integer, ForeignKey("campaign.campaign_key"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""Which evaluation answers a question: the only table that a campaign reads across campaigns."""

call = Table(
    "call",
    metadata,
    Column("call_id", Integer, primary_key=True),
    _campaign_key(primary=False),
    Column("ordinal", Integer),
    Column("step", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("request_sha", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reserved_usd", Float, nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("tokens_in", Integer, nullable=False),
    Column("tokens_out", Integer, nullable=False),
    Column("tokens_cached", Integer, nullable=False),
    Column("estimated", SmallInteger, nullable=False),
    Column("latency_s", Float, nullable=False),
    Column("error", Text, nullable=False),
    _blob_digest("reply_sha"),
    Column("finish_reason", Text, nullable=False),
    Column("sent_us", BigInteger, nullable=False),
    Column("tokens_reasoning", Integer),
)

# In the statement's text: while a partial index speaks of a column, SQLite plans a statement that compares the column
# with a parameter anew at each execution.
IS_SENT = text("state = 'sent'")
IS_ANSWERED = text("state = 'answered'")

Index("ix_call_key", call.c.campaign_key, call.c.ordinal, call.c.step)
Index("ix_call_sent", call.c.campaign_key, sqlite_where=IS_SENT, postgresql_where=IS_SENT)

model_profile = Table(
    "model_profile",
    metadata,
    Column("base_url", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("profile", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Of no campaign: what the newest probe found out about a model at a server, as JSON."""

call_message = Table(
    "call_message",
    metadata,
    Column("call_id", Integer, ForeignKey("call.call_id"), primary_key=True),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("role", Text, nullable=False),
    _blob_digest("content_sha", nullable=False),
    sqlite_with_rowid=False,
)
"""One row per message, so that a system prompt that all calls share is stored once."""

event = Table(
    "event",
    metadata,
    _campaign_key(),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ordinal", Integer),
    Column("payload", Text),
    sqlite_with_rowid=False,
)
"""Append-only by trigger. `sequence` counts per campaign without gaps, in the order of commits."""

Index(
    "ix_event_news",
    event.c.campaign_key,
    event.c.kind,
    event.c.sequence,
    sqlite_where=IS_NEWS,
    postgresql_where=IS_NEWS,
)

command = Table(
    "command",
    metadata,
    Column("sequence", Integer, primary_key=True),
    _campaign_key(primary=False),
    Column("command", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("posted_us", BigInteger, nullable=False),
    Column("taken_us", BigInteger),
)

mark = Table(
    "mark",
    metadata,
    Column("campaign_key", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("mark", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    ForeignKeyConstraint(["campaign_key", "ordinal"], ["candidate.campaign_key", "candidate.ordinal"]),
    sqlite_with_rowid=False,
)
"""Whose a star or a discard (of the candidate's row) is; taken away with it."""

hint = Table(
    "hint",
    metadata,
    _campaign_key(),
    Column("hint", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("posted_us", BigInteger, nullable=False),
    Column("withdrawn_us", BigInteger),
    Column("candidates", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""`candidates` counts those made since it was given, with it and without: it bounds how long a hint is in force."""

hint_use = Table(
    "hint_use",
    metadata,
    Column("campaign_key", Integer, primary_key=True),
    Column("ordinal", Integer, primary_key=True, autoincrement=False),
    Column("hint", Integer, primary_key=True, autoincrement=False),
    Column("used", SmallInteger, nullable=False),
    Column("parent_low", Float),
    ForeignKeyConstraint(["campaign_key", "ordinal"], ["candidate.campaign_key", "candidate.ordinal"]),
    ForeignKeyConstraint(["campaign_key", "hint"], ["hint.campaign_key", "hint.hint"]),
    sqlite_with_rowid=False,
)
"""Which candidates were made with a hint, and which (`used` 0) were held back from it to compare with."""

hidden_opening = Table(
    "hidden_opening",
    metadata,
    _campaign_key(),
    Column("opening", Integer, primary_key=True, autoincrement=False),
    Column("task", Text, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Index("ix_hidden_opening_task", "task"),
    sqlite_with_rowid=False,
)
"""Each confirmation looks at the hidden inputs of its task once; the more looks, the less hidden they are."""

hidden_look = Table(
    "hidden_look",
    metadata,
    Column("task", Text, primary_key=True),
    Column("look", Integer, primary_key=True, autoincrement=False),
    Column("looked_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""The same, for a look that belongs to no campaign: `nightforge eval --confirm`."""

IS_WAITING = text("taken_us IS NULL")

Index("ix_command_waiting", command.c.campaign_key, sqlite_where=IS_WAITING, postgresql_where=IS_WAITING)

lease = Table(
    "lease",
    metadata,
    Column("resource", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)
"""Rows stay after a release, so that `fence` never falls."""
