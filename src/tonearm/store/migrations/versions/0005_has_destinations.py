"""Whether an account has destinations, so that reports for those without are as quick as before."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("account", sa.Column("has_destinations", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        "UPDATE account SET has_destinations = true"
        " WHERE id IN (SELECT account FROM destination WHERE removed_at IS NULL)"
    )
