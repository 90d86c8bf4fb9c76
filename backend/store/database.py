"""Connections and transactions: how each kind of database is opened, and its errors in one class."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from backend.store.base import StoreError, StoreFull

LOG = logging.getLogger(__name__)
BUSY_TIMEOUT_S = 5
RETRY_S = 0.5
CONNECT_TIMEOUT_S = 5
FILE = "store.sqlite"
DISK_FULL = "53100"


def url_of(database_url: str, state_dir: Path) -> URL:
    """Return the address of the database: `database_url`, or a file in the state folder."""
    if not database_url:
        return URL.create("sqlite", database=str(state_dir / FILE))
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        raise StoreError("the database URL cannot be read") from None
    kind = url.drivername.split("+")[0]
    if kind in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    raise StoreError(f'the database URL must begin with postgresql://, got "{kind}"')


def connect(url: URL) -> Engine:
    """Return an engine; nothing is connected yet."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_timeout=CONNECT_TIMEOUT_S,
        # Said, for a database of no particular encoding would answer in bytes.
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "client_encoding": "utf8"},
    )


def await_server(engine: Engine, wait_s: float) -> None:
    """Wait for a server that is starting too, or for so long; what is wrong then is for the first use to tell."""
    ends_s = time.monotonic() + wait_s
    told_once = False
    while True:
        try:
            engine.connect().close()
            return
        except OperationalError as problem:
            if time.monotonic() > ends_s:
                return
            if not told_once:
                LOG.warning("waiting for the database: %s", _first_line(problem.orig or problem))
                told_once = True
        time.sleep(RETRY_S)


def _prepare_sqlite(connection: Any, record: object) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` says when and how.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its lock at once: a reader that turns writer could not wait for it.
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one moment of the database."""
    with told(), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection whose changes are all kept at the end of the block, or none."""
    with told(), engine.execution_options(sqlite_begin="IMMEDIATE").begin() as connection:
        yield connection


@contextmanager
def told() -> Iterator[None]:
    """Turn the driver's errors into one, without statements, values and passwords."""
    try:
        yield
    except SQLAlchemyError as problem:
        cause = getattr(problem, "orig", None) or problem
        kind = StoreFull if _no_room(cause) else StoreError
        raise kind(_first_line(cause)) from problem


def _first_line(cause: BaseException) -> str:
    """Return the kind of an error and how it begins; the driver names no password."""
    return f"{type(cause).__name__}: {(str(cause).splitlines() or [''])[0][:200]}"


def _no_room(cause: BaseException) -> bool:
    """Whether the disk of the database is full, as SQLite and as Postgres say it."""
    if getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return True
    return getattr(cause, "sqlstate", None) == DISK_FULL
