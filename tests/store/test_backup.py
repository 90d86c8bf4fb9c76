"""A backup taken while the service writes holds everything from before it, and can be restored."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from backend.store.base import StoredShare, StoreError
from backend.store.database import FILE
from backend.store.open import open_store
from tests.store.conftest import Place


def name_of(seed: int) -> str:
    return f"{seed:022}"


def test_a_backup_of_the_embedded_database_restores_while_others_write(tmp_path: Path) -> None:
    store = open_store("", tmp_path / "state")
    for seed in range(50):
        store.shares.put(StoredShare(name_of(seed), b"before", 5))
    stop = threading.Event()

    def write() -> None:
        seed = 1000
        while not stop.is_set():
            store.shares.put(StoredShare(name_of(seed), b"meanwhile", 5))
            seed += 1

    writer = threading.Thread(target=write)
    writer.start()
    copy = tmp_path / "copy.sqlite"
    try:
        store.backup(copy)
    finally:
        stop.set()
        writer.join()
    assert copy.stat().st_mode & 0o077 == 0
    with pytest.raises(StoreError, match="already"):
        store.backup(copy)
    store.close()

    restored_dir = tmp_path / "restored"
    restored_dir.mkdir()
    copy.rename(restored_dir / FILE)
    restored = open_store("", restored_dir)
    for seed in range(50):
        assert restored.shares.get(name_of(seed)) == StoredShare(name_of(seed), b"before", 5)
    restored.close()


def test_a_failed_backup_leaves_nothing(tmp_path: Path) -> None:
    store = open_store("", tmp_path / "state")
    with pytest.raises(StoreError, match="backup failed"):
        store.backup(tmp_path / "nowhere" / "copy.sqlite")
    store.close()


def test_pg_dump_restores(postgres_place: Place) -> None:
    server = postgres_place.server
    assert server is not None
    store = postgres_place.open()
    store.shares.put(StoredShare(name_of(1), bytes(range(256)), 5))
    with pytest.raises(StoreError, match="pg_dump"):
        store.backup(postgres_place.state_dir / "copy")
    store.close()
    name = postgres_place.database_url.split("/")[-1].split("?")[0]
    dump = server.run("pg_dump", "-Fc", name)
    server.run("createdb", f"{name}r")
    try:
        server.run("pg_restore", "-d", f"{name}r", input=dump)
        restored = open_store(server.url(f"{name}r"), postgres_place.state_dir)
        assert restored.shares.get(name_of(1)) == StoredShare(name_of(1), bytes(range(256)), 5)
        restored.close()
    finally:
        server.run("dropdb", "--force", f"{name}r")
