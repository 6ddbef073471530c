"""Who may see what a listener plays."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "viewer",
        sa.Column("account", ID, nullable=False),
        sa.Column("viewer", ID, nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.ForeignKeyConstraint(["viewer"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "viewer"),
    )
    op.create_index("viewer_by_viewer", "viewer", ["viewer"])
