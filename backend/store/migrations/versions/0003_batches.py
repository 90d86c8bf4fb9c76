"""Batches with their plans, and the results of points by the digest of their inputs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.String(22), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("plan", sa.LargeBinary, nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("token", sa.String(128), unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_s", sa.BigInteger, nullable=False),
        sa.Column("started_s", sa.BigInteger),
        sa.Column("finished_s", sa.BigInteger),
    )
    op.create_index("batches_by_state", "batches", ["state"])
    op.create_index("batches_by_age", "batches", ["created_s"])
    op.create_table(
        "points",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("created_s", sa.BigInteger, nullable=False),
    )
    op.create_index("points_by_age", "points", ["created_s"])
