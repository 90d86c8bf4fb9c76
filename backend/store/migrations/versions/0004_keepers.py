"""Which service computes a batch, and when it last said so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add both columns; what is unfinished has no keeper yet and is taken by the first that looks."""
    op.add_column("batches", sa.Column("keeper", sa.String(32)))
    op.add_column("batches", sa.Column("kept_s", sa.BigInteger))
