"""Shares in SQL: the same statements for SQLite and for Postgres."""

from __future__ import annotations

from sqlalchemy import Engine, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from backend.store.base import StoredShare
from backend.store.database import reading, writing
from backend.store.tables import shares


class SqlShares:
    """The table of shares in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def put(self, share: StoredShare) -> bool:
        """Store a share; False when its id is there already, which changes nothing."""
        statement = (
            self._insert(shares)
            .values(
                share_id=share.share_id,
                body=share.body,
                body_bytes=len(share.body),
                created_s=share.created_s,
            )
            .on_conflict_do_nothing()
            .returning(shares.c.share_id)
        )
        with writing(self._engine) as connection:
            return connection.execute(statement).first() is not None

    def get(self, share_id: str, since_s: int = 0) -> StoredShare | None:
        """Return the share unless it is absent or was made before `since_s`."""
        wanted = (shares.c.share_id == share_id) & (shares.c.created_s >= since_s)
        with reading(self._engine) as connection:
            row = connection.execute(
                select(shares.c.body, shares.c.created_s).where(wanted)
            ).one_or_none()
        if row is None:
            return None
        return StoredShare(share_id=share_id, body=bytes(row.body), created_s=row.created_s)

    def delete(self, share_id: str) -> bool:
        """Remove a share; False when there is none."""
        with writing(self._engine) as connection:
            statement = delete(shares).where(shares.c.share_id == share_id)
            return connection.execute(statement).rowcount == 1

    def purge(self, before_s: int) -> int:
        """Remove shares made before `before_s`; return how many."""
        with writing(self._engine) as connection:
            statement = delete(shares).where(shares.c.created_s < before_s)
            return connection.execute(statement).rowcount

    def total_bytes(self) -> int:
        """Return how many bytes all shares hold."""
        with reading(self._engine) as connection:
            total = connection.execute(select(func.sum(shares.c.body_bytes))).scalar_one()
        return int(total or 0)
