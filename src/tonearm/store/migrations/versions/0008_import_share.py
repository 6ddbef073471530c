"""Which plays of one import another has found as well."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "import_share",
        sa.Column("import_id", ID, autoincrement=False, nullable=False),
        sa.Column("play", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("import_id", "play"),
        sqlite_with_rowid=False,
    )
    op.create_index("import_share_by_play", "import_share", ["play"])
