"""When a batch last used a result: results stay as long as the batches that show them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; what is there counts as used when it was made."""
    op.add_column("points", sa.Column("used_s", sa.BigInteger))
    op.execute("UPDATE points SET used_s = created_s")
    with op.batch_alter_table("points") as points:
        points.alter_column("used_s", nullable=False)
        points.drop_index("points_by_age")
        points.create_index("points_by_use", ["used_s"])
