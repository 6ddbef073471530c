"""When an imported play may have begun already, if it was paused."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("play", sa.Column("earliest", sa.BigInteger(), nullable=True))
