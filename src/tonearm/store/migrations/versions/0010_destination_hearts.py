"""Hearts for destinations: what each has still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = ("artist_key", "track_key", "recording")


def upgrade() -> None:
    on_postgres = op.get_bind().dialect.name == "postgresql"
    once = [] if on_postgres else [sa.UniqueConstraint("destination", *KEY, name="destination_heart_once")]
    op.create_table(
        "destination_heart",
        sa.Column("id", ID, nullable=False),
        sa.Column("destination", ID, nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("artist_key", sa.Text(), nullable=False),
        sa.Column("track_key", sa.Text(), nullable=False),
        sa.Column("recording", sa.Text(), nullable=False),
        sa.Column("mbid", sa.Text(), server_default="", nullable=False),
        sa.Column("loved", sa.Boolean(), nullable=False),
        sa.Column("said_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["destination"], ["destination.id"]),
        sa.PrimaryKeyConstraint("id"),
        *once,
    )
    if on_postgres:
        key = " || chr(31) || ".join(KEY)
        op.execute(f"CREATE UNIQUE INDEX destination_heart_once ON destination_heart (destination, md5({key}))")
    owed = sa.text("state <> ''" if on_postgres else "state != ''")
    op.create_index(
        "destination_heart_owed",
        "destination_heart",
        ["destination", "due_at"],
        sqlite_where=owed,
        postgresql_where=owed,
    )
