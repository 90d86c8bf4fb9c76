"""The tables as the code knows them; migrations/ makes them, and a test holds both together."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

ID_CHARS = 22
KEY_CHARS = 64
metadata = MetaData()

shares = Table(
    "shares",
    metadata,
    Column("share_id", String(ID_CHARS), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("body_bytes", Integer, nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Index("shares_by_age", "created_s"),
)

batches = Table(
    "batches",
    metadata,
    Column("batch_id", String(ID_CHARS), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("plan", LargeBinary, nullable=False),
    Column("client", String(64), nullable=False),
    Column("token", String(128), unique=True),
    Column("state", String(16), nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("started_s", BigInteger),
    Column("finished_s", BigInteger),
    Column("keeper", String(32)),
    Column("kept_s", BigInteger),
    Index("batches_by_state", "state"),
    Index("batches_by_age", "created_s"),
)

points = Table(
    "points",
    metadata,
    Column("key", String(KEY_CHARS), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("created_s", BigInteger, nullable=False),
    Column("used_s", BigInteger, nullable=False),
    Index("points_by_use", "used_s"),
)
