"""Every test of the store runs on SQLite and on a Postgres that is started here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.store.open import SqlStore, open_store
from tests.store import postgres

ABSENT = "there is no Postgres; Debian: apt-get install postgresql"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is: a URL, or none and a folder."""

    database_url: str
    state_dir: Path
    server: postgres.Server | None = None

    def open(self) -> SqlStore:
        return open_store(self.database_url, self.state_dir)


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    if postgres.programs() is None:
        pytest.skip(ABSENT)
    with postgres.server() as started:
        yield started


@pytest.fixture
def postgres_place(server: postgres.Server, tmp_path: Path) -> Place:
    # Emptying a database is ten times as fast as making one.
    empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
    server.run("psql", "-q", "-d", "postgres", "-c", empty, stderr=subprocess.DEVNULL)
    return Place(server.url("postgres"), tmp_path, server)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return Place("", tmp_path / "state")
    found: Place = request.getfixturevalue("postgres_place")
    return found


@pytest.fixture
def store(place: Place) -> Iterator[SqlStore]:
    opened = place.open()
    yield opened
    opened.close()
