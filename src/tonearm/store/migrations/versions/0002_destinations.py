"""Other services that plays are sent to. Nothing that is there is rewritten, however many plays there are."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def on_postgres() -> bool:
    return op.get_context().dialect.name == "postgresql"


def upgrade() -> None:
    identity = sa.UniqueConstraint("account", "kind", "url", "user_folded", name="destination_once")
    op.create_table(
        "destination",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("user_folded", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), server_default="", nullable=False),
        sa.Column("pace_key", sa.Text(), server_default="", nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("paused_at", sa.Float(precision=53), nullable=True),
        sa.Column("removed_at", sa.Float(precision=53), nullable=True),
        sa.Column("backlog_at", sa.BigInteger(), nullable=True),
        sa.Column("backlog_id", ID, server_default="0", nullable=False),
        sa.Column("backlog_last", ID, server_default="0", nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("wait_until", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("fails", sa.Integer(), server_default="0", nullable=False),
        sa.Column("soft_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("throttle_level", sa.Integer(), server_default="0", nullable=False),
        sa.Column("answered_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("trouble", sa.Text(), server_default="", nullable=False),
        sa.Column("budget", sa.Integer(), server_default="0", nullable=False),
        sa.Column("budget_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("backlog_until", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_until", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("lease_id", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        *([] if on_postgres() else [identity]),
    )
    op.create_table(
        "destination_queue",
        sa.Column("destination", ID, nullable=False),
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("album", sa.Text(), server_default="", nullable=False),
        sa.Column("album_artist", sa.Text(), server_default="", nullable=False),
        sa.Column("track_number", sa.Integer(), nullable=True),
        sa.Column("mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("duration", sa.Float(precision=53), nullable=True),
        sa.Column("played", sa.Float(precision=53), nullable=False),
        sa.Column("chosen_by_user", sa.Boolean(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("retry_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("batch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("split_group", ID, server_default="0", nullable=False),
        sa.Column("split_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("too_new", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("enqueued_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("counter", sa.Float(precision=53), nullable=True),
        sa.Column("boot", sa.Text(), server_default="", nullable=False),
        sa.Column("unanswered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["destination"], ["destination.id"]),
        sa.PrimaryKeyConstraint("destination", "id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "destination_queue_by_turn",
        "destination_queue",
        ["destination", "state", sa.literal_column("live DESC"), "timestamp", "id", "next_attempt_at"],
        unique=False,
    )
    op.create_table(
        "delivery",
        sa.Column("destination", ID, nullable=False),
        sa.Column("play", ID, autoincrement=False, nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("correction", sa.JSON(), nullable=True),
        sa.Column("settled_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["destination"], ["destination.id"]),
        sa.PrimaryKeyConstraint("destination", "play"),
        sqlite_with_rowid=False,
    )
    others = sa.text("fate != 'accepted'")
    op.create_index(
        "delivery_not_accepted",
        "delivery",
        ["destination", "fate", "settled_at"],
        unique=False,
        sqlite_where=others,
        postgresql_where=others,
    )
    _failures_of_any_job()
    if on_postgres():
        key = "md5(kind || chr(31) || url || chr(31) || user_folded)"
        op.execute(f"CREATE UNIQUE INDEX destination_once ON destination (account, {key})")
        op.execute("ALTER TABLE destination SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)")
        op.execute(
            "ALTER TABLE destination_queue SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,"
            " autovacuum_analyze_scale_factor = 0.02)"
        )


def _failures_of_any_job() -> None:
    """A job that failed may be a destination's, which is no account."""
    if on_postgres():
        op.execute("ALTER TABLE job_failure DROP CONSTRAINT job_failure_account_fkey")
        return
    op.rename_table("job_failure", "job_failure_before")
    op.create_table(
        "job_failure",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", ID, autoincrement=False, nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("retry_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("kind", "account"),
    )
    op.execute("INSERT INTO job_failure SELECT kind, account, tries, at, retry_at, message FROM job_failure_before")
    op.drop_table("job_failure_before")
