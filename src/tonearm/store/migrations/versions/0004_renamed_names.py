"""Names that listeners have merged or renamed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "renamed_name",
        sa.Column("account", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("spellings", sa.BigInteger(), nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("to_artist", sa.Text(), nullable=False),
        sa.Column("to_title", sa.Text(), server_default="", nullable=False),
        sa.Column("renamed_at", sa.Float(precision=53), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "kind", "spellings"),
    )
