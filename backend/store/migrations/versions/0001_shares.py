"""The table of shares.

Applied migrations are never edited; a change of the tables is a new file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shares",
        sa.Column("share_id", sa.String(22), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_s", sa.BigInteger, nullable=False),
    )
