"""Files found by the keys of their names, and lists of loved tracks by their order.

Files and loved tracks have no keys yet: they are given theirs when a heart or a scan needs them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "library_key",
        sa.Column("account", ID, nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("file", ID, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "key", "file"),
        sqlite_with_rowid=False,
    )
    op.create_index("library_key_by_file", "library_key", ["file"])
    op.add_column("library", sa.Column("keyed", sa.Boolean(), server_default=sa.false(), nullable=False))
    _index("library_unkeyed", "library", ["account"], "keyed = 0", "NOT keyed")
    _index("library_readable", "library", ["account"], "unreadable_reason = ''")
    op.add_column("loved", sa.Column("artist_key", sa.BigInteger(), nullable=True))
    op.create_index("loved_by_artist", "loved", ["account", "artist_key"])
    op.create_index("loved_by_outcome", "loved", ["account", "outcome", "loved_at", "id"])
    _index("loved_chosen", "loved", ["account"], "chosen IS NOT NULL")
    op.drop_index("heart_loved", "heart")  # SQLite has never used it
    loved = "loved = {} AND recording = ''"
    _index("heart_listed", "heart", ["account", "said_at", "id"], loved.format(1), loved.format("true"))


def _index(name: str, table: str, columns: list[str], on_sqlite: str, on_postgres: str = "") -> None:
    here, there = sa.text(on_sqlite), sa.text(on_postgres or on_sqlite)
    op.create_index(name, table, columns, sqlite_where=here, postgresql_where=there)
