"""What a destination may have of a play, though no answer said so."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("sent", sa.JSON(), nullable=True))
