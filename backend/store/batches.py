"""Batches and results of points in SQL: the same statements for SQLite and for Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import BigInteger, Engine, Row, cast, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from backend.store.base import StoredBatch, StoredPoint
from backend.store.database import reading, writing
from backend.store.tables import batches, points

UNFINISHED = ("queued", "running")
KEYS_AT_ONCE = 500  # below every limit on the variables of one statement


class SqlBatches:
    """The table of batches in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        many = engine.dialect.name == "postgresql"
        self._insert = postgresql.insert if many else sqlite.insert
        # The clock of the database, which all its services share.
        clock = func.extract("epoch", func.now()) if many else func.strftime("%s", "now")
        self._now_s = cast(clock, BigInteger)

    def put(self, batch: StoredBatch) -> bool:
        """Store a new batch; False when its token was used before."""
        statement = (
            self._insert(batches)
            .values({**asdict(batch), "kept_s": self._now_s})
            .on_conflict_do_nothing()
            .returning(batches.c.batch_id)
        )
        with writing(self._engine) as connection:
            return connection.execute(statement).first() is not None

    def get(self, batch_id: str) -> StoredBatch | None:
        """Return a batch."""
        return self._one(batches.c.batch_id == batch_id)

    def by_token(self, token: str) -> StoredBatch | None:
        """Return the batch that was made with an idempotency token."""
        return self._one(batches.c.token == token)

    def _one(self, wanted: Any) -> StoredBatch | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(batches).where(wanted)).one_or_none()
        return None if row is None else StoredBatch(**row._mapping)

    def kept(self, keeper: str) -> set[str]:
        """Say that a service lives, and return the ids of the unfinished batches that are its own."""
        own = (batches.c.keeper == keeper) & batches.c.state.in_(UNFINISHED)
        statement = update(batches).where(own).values(kept_s=self._now_s)
        with writing(self._engine) as connection:
            return set(connection.execute(statement.returning(batches.c.batch_id)).scalars())

    def free(self, silent_s: int) -> list[str]:
        """Return the ids of unfinished batches whose keeper was silent for so long, or that have none, oldest first."""
        wanted = (
            select(batches.c.batch_id)
            .where(self._free(silent_s))
            .order_by(batches.c.created_s, batches.c.batch_id)
        )
        with reading(self._engine) as connection:
            return list(connection.execute(wanted).scalars())

    def claim(self, batch_id: str, keeper: str, silent_s: int) -> bool:
        """Make a service the keeper of a batch that is free or its own; False when it is another's, or has ended."""
        mine = (batches.c.keeper == keeper) & batches.c.state.in_(UNFINISHED)
        one = (batches.c.batch_id == batch_id) & (mine | self._free(silent_s))
        statement = update(batches).where(one).values(keeper=keeper, kept_s=self._now_s)
        with writing(self._engine) as connection:
            return connection.execute(statement).rowcount == 1

    def release(self, keeper: str) -> None:
        """Free all batches of a service."""
        with writing(self._engine) as connection:
            connection.execute(
                update(batches).where(batches.c.keeper == keeper).values(keeper=None)
            )

    def _free(self, silent_s: int) -> Any:
        silent = batches.c.keeper.is_(None) | (batches.c.kept_s < self._now_s - silent_s)
        return batches.c.state.in_(UNFINISHED) & silent

    def move(self, batch_id: str, state: str, at_s: int) -> None:
        """Set a batch's state; a time is kept of its start and of its end, and none that has ended has a keeper."""
        values: dict[str, Any] = {"finished_s": None if state in UNFINISHED else at_s}
        if state not in UNFINISHED:
            values["keeper"] = None
        if state == "running":
            values["started_s"] = at_s
        statement = update(batches).where(batches.c.batch_id == batch_id)
        with writing(self._engine) as connection:
            connection.execute(statement.values(state=state, **values))

    def purge(self, before_s: int) -> int:
        """Remove finished batches made before `before_s`; return how many."""
        old = (batches.c.created_s < before_s) & batches.c.state.not_in(UNFINISHED)
        with writing(self._engine) as connection:
            return connection.execute(delete(batches).where(old)).rowcount


class SqlPoints:
    """The table of results in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def put(self, made: list[StoredPoint]) -> None:
        """Store results; a newer one replaces an older of the same key."""
        if not made:
            return
        statement = self._insert(points)
        changing = ("body", "outcome", "created_s", "used_s")
        newer = {name: statement.excluded[name] for name in changing}
        statement = statement.on_conflict_do_update(index_elements=["key"], set_=newer)
        with writing(self._engine) as connection:
            connection.execute(
                statement, [{**asdict(one), "used_s": one.created_s} for one in made]
            )

    def get(self, keys: list[str]) -> list[StoredPoint]:
        """Return those that are there, in any order."""
        wanted = (points.c.key, points.c.body, points.c.outcome, points.c.created_s)
        return [StoredPoint(**row._mapping) for row in self._found(keys, *wanted)]

    def outcomes(self, keys: list[str], before_s: int | None = None) -> dict[str, str]:
        """Return how those that are there ended, or of them those stored before a time."""
        found = self._found(keys, points.c.key, points.c.outcome, points.c.created_s)
        return {
            row.key: row.outcome for row in found if before_s is None or row.created_s < before_s
        }

    def _found(self, keys: list[str], *columns: Any) -> Iterator[Row[Any]]:
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            with reading(self._engine) as connection:
                yield from connection.execute(select(*columns).where(points.c.key.in_(some))).all()

    def use(self, keys: list[str], at_s: int) -> None:
        """Note that a batch uses these results, so that they stay as long as it does."""
        for start in range(0, len(keys), KEYS_AT_ONCE):
            these = points.c.key.in_(keys[start : start + KEYS_AT_ONCE])
            with writing(self._engine) as connection:
                connection.execute(update(points).where(these).values(used_s=at_s))

    def purge(self, before_s: int) -> int:
        """Remove results that were made and last used before `before_s`; return how many."""
        with writing(self._engine) as connection:
            return connection.execute(delete(points).where(points.c.used_s < before_s)).rowcount
