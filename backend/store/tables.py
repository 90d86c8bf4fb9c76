"""The tables as the code knows them; migrations/ makes them, and a test holds both together."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

ID_CHARS = 22
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
