"""An empty database and one of every older release become this release's; a newer one is refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from backend.store.base import StoredShare, StoreError
from backend.store.database import connect, reading, url_of, writing
from backend.store.migrate import newest, upgrade
from backend.store.open import open_store
from backend.store.tables import metadata
from tests.store.conftest import Place

NAME = "A" * 22


def engine_of(place: Place) -> Engine:
    place.state_dir.mkdir(exist_ok=True)
    return connect(url_of(place.database_url, place.state_dir))


def test_an_empty_database_gets_the_tables_the_code_knows(place: Place) -> None:
    place.open().close()
    engine = engine_of(place)
    with reading(engine) as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == newest()
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_an_old_database_keeps_its_shares(place: Place) -> None:
    engine = engine_of(place)
    upgrade(engine, "0001")
    with writing(engine) as connection:
        connection.execute(
            text("INSERT INTO shares (share_id, body, created_s) VALUES (:name, :body, 7)"),
            {"name": NAME, "body": b"old bytes"},
        )
    engine.dispose()
    store = place.open()
    assert store.shares.get(NAME) == StoredShare(NAME, b"old bytes", 7)
    assert store.shares.total_bytes() == len(b"old bytes")
    store.close()


def test_a_newer_database_is_refused_and_untouched(place: Place) -> None:
    store = place.open()
    store.shares.put(StoredShare(NAME, b"body", 7))
    store.close()
    engine = engine_of(place)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="another release"):
        place.open()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM shares")).scalar_one() == 1
        version = connection.execute(text("SELECT version_num FROM alembic_version"))
        assert version.scalar_one() == "9999"
    engine.dispose()


def test_services_that_start_together_migrate_once(place: Place) -> None:
    problems: list[BaseException] = []

    def start() -> None:
        try:
            place.open().close()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


@pytest.mark.parametrize(
    ("url", "word"),
    (
        ("mysql://user:hunter2@host/base", "postgresql://"),
        ("nonsense hunter2", "cannot be read"),
        ("postgresql://user:hunter2@/base?host=/nowhere", "cannot be used"),
    ),
)
def test_an_unusable_database_is_told_without_its_password(
    url: str, word: str, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=word) as caught:
        open_store(url, tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write"):
        open_store("", tmp_path / "file")


def test_a_database_of_no_particular_encoding_is_used(postgres_place: Place) -> None:
    server = postgres_place.server
    assert server is not None
    plain = ("-E", "SQL_ASCII", "--locale=C", "-T", "template0")
    server.run("createdb", *plain, "plain")
    try:
        store = open_store(server.url("plain"), postgres_place.state_dir)
        store.shares.put(StoredShare(NAME, "Zoë".encode(), 7))
        assert store.shares.get(NAME) == StoredShare(NAME, "Zoë".encode(), 7)
        store.close()
    finally:
        server.run("dropdb", "plain")
