"""How hearts are brought together with Last.fm's."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "loved_sync",
        sa.Column("account", ID, nullable=False, autoincrement=False),
        sa.Column("mirror_at", sa.Float(precision=53), nullable=True),
        sa.Column("rule", sa.Text(), server_default="latest", nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account"),
    )
