"""Rules that edit names every time, and what players sent of the plays that they changed."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("account", sa.Column("has_rules", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "edit_rule",
        sa.Column("id", ID, nullable=False),
        sa.Column("account", ID, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("album", sa.Text(), server_default="", nullable=False),
        sa.Column("album_artist", sa.Text(), server_default="", nullable=False),
        sa.Column("to_artist", sa.Text(), nullable=False),
        sa.Column("to_track", sa.Text(), nullable=False),
        sa.Column("to_album", sa.Text(), server_default="", nullable=False),
        sa.Column("to_album_artist", sa.Text(), server_default="", nullable=False),
        sa.Column("made_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("edit_rule_by_account", "edit_rule", ["account", "id"])
    op.create_table(
        "reported_name",
        sa.Column("play", ID, autoincrement=False, nullable=False),
        sa.Column("account", ID, autoincrement=False, nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("album", sa.Text(), server_default="", nullable=False),
        sa.Column("album_artist", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("play"),
    )
    op.create_index("reported_name_by_start", "reported_name", ["account", "timestamp"])
