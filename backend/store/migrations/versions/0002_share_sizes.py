"""How many bytes a share holds, and an index by age: what caps and expiry ask for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the size of every share, old ones included."""
    op.add_column("shares", sa.Column("body_bytes", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE shares SET body_bytes = length(body)")
    op.create_index("shares_by_age", "shares", ["created_s"])
