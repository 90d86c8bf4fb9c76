"""open_store(database_url, state_dir): the one database of the service, ready to be used."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Engine

from backend.store.base import Batches, Points, Shares, StoreError
from backend.store.batches import SqlBatches, SqlPoints
from backend.store.database import await_server, connect, told, url_of
from backend.store.migrate import upgrade
from backend.store.shares import SqlShares


class SqlStore:
    """The database behind an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._shares = SqlShares(engine)
        self._batches = SqlBatches(engine)
        self._points = SqlPoints(engine)

    @property
    def shares(self) -> Shares:
        """Return the table of shares."""
        return self._shares

    @property
    def batches(self) -> Batches:
        """Return the table of batches."""
        return self._batches

    @property
    def points(self) -> Points:
        """Return the table of results."""
        return self._points

    def backup(self, target: Path) -> None:
        """Write a consistent copy of an embedded database while the service runs."""
        file = self._engine.url.database
        if self._engine.dialect.name != "sqlite" or file is None:
            raise StoreError("a Postgres database is backed up by pg_dump; see docs/operations.md")
        if target.exists():
            raise StoreError(f"{target} is there already; choose another name")
        partial = target.with_name(target.name + ".partial")
        partial.unlink(missing_ok=True)
        try:
            with (
                closing(sqlite3.connect(file)) as source,
                closing(sqlite3.connect(partial)) as copy,
            ):
                source.backup(copy)
            partial.chmod(0o600)
            os.replace(partial, target)
        except (OSError, sqlite3.Error) as problem:
            partial.unlink(missing_ok=True)
            raise StoreError(f"the backup failed: {problem}") from problem

    def close(self) -> None:
        """Give up every connection."""
        self._engine.dispose()


def open_store(database_url: str, state_dir: Path, wait_s: float = 0) -> SqlStore:
    """Open the database and bring its tables up to date; a server that is starting too is waited for."""
    url = url_of(database_url, state_dir)
    if url.get_backend_name() == "sqlite":
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            # The texts of strangers are nobody else's on this machine.
            Path(url.database or "").touch(mode=0o600)
        except OSError as problem:
            raise StoreError(f"cannot write to {state_dir}: {problem.strerror}") from problem
    engine = connect(url)
    if url.get_backend_name() != "sqlite":
        await_server(engine, wait_s)
    try:
        with told(), _alone(url):
            upgrade(engine)
    except StoreError as problem:
        engine.dispose()
        where = url.render_as_string(hide_password=True)
        raise StoreError(f"the database {where} cannot be used: {problem}") from problem
    return SqlStore(engine)


@contextmanager
def _alone(url: URL) -> Iterator[None]:
    """Let one process at a time set up an embedded database.

    Turning on WAL needs the file for itself, and SQLite then refuses at once instead of waiting.
    """
    if url.get_backend_name() != "sqlite":
        yield
        return
    with Path(f"{url.database}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield
