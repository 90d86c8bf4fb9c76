"""The database, its disk or the service dies in the middle: what was acknowledged is there."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.backend.service import Service, inputs, service
from tests.backend.sharing import posted, share
from tests.store import postgres
from tests.store.conftest import ABSENT

GENEROUS = {"shares_per_minute": 10**6}
TMPFS_MIB = 2


class Sharers:
    """Clients that share until the service is gone, and remember what it acknowledged."""

    def __init__(self, running: Service) -> None:
        self.names: list[str] = []
        self.refused: set[int] = set()
        self._running = running
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._share, args=(at,)) for at in range(4)]
        for thread in self._threads:
            thread.start()

    def _share(self, at: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            try:
                answer = self._running.post("/api/shares", share(title=f"{at}: {number}"))
            except httpx.TransportError:
                return
            if answer.status_code == 201:
                self.names.append(str(answer.json()["id"]))
            else:
                self.refused.add(answer.status_code)

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


def wait_for(sharers: Sharers, count: int) -> None:
    for _ in range(6000):
        if len(sharers.names) >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError("too few shares")


def assert_all_there(running: Service, names: list[str]) -> None:
    missing = [name for name in names if running.get(f"/api/shares/{name}").status_code != 200]
    assert missing == []


def test_a_killed_service_has_every_share_it_acknowledged(tmp_path: Path) -> None:
    with service(state_dir=tmp_path, **GENEROUS) as running:
        sharers = Sharers(running)
        wait_for(sharers, 40)
        os.kill(running.pid, signal.SIGKILL)
        sharers.end()
    with service(state_dir=tmp_path, **GENEROUS) as running:
        assert_all_there(running, sharers.names)


def test_a_killed_database_is_told_runs_go_on_and_nothing_is_lost() -> None:
    if postgres.programs() is None:
        pytest.skip(ABSENT)
    with postgres.server(postgres.SURE) as server:
        url = server.url("postgres")
        with service(database_url=url, **GENEROUS) as running, running.connect() as client:
            sharers = Sharers(running)
            wait_for(sharers, 40)
            server.process.kill()
            server.process.wait()
            refused = running.post("/api/shares", share(title="meanwhile"))
            assert refused.status_code == 503
            assert refused.json()["error"]["slug"] == "store-unavailable"
            assert int(refused.headers["retry-after"]) >= 1
            assert running.get(f"/api/shares/{sharers.names[0]}").status_code == 503
            client.start(inputs())
            assert client.to_end().finished["outcome"] == "ok"
            sharers.end()
            assert sharers.refused <= {503}
            again = postgres.crash_and_start(server)
            try:
                assert_all_there(running, sharers.names)
                posted(running, share(title="afterwards"))
            finally:
                again.process.send_signal(signal.SIGINT)
                again.process.wait(30)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with room for little."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={TMPFS_MIB}m,mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_nothing_that_was_kept_is_lost(small_disk: Path) -> None:
    filler = small_disk / "filler"
    with service(state_dir=small_disk, **GENEROUS) as running, running.connect() as client:
        names = [posted(running, share(title=str(at))) for at in range(5)]
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        wanted = share(title="no room", scenario="# " + "x" * 100_000)
        answer = running.post("/api/shares", wanted)
        assert answer.status_code == 507
        assert answer.json()["error"]["slug"] == "store-full"
        assert_all_there(running, names)
        client.start(inputs())
        assert client.to_end().finished["outcome"] == "ok"
        filler.unlink()
        names.append(posted(running, wanted))
    with service(state_dir=small_disk, **GENEROUS) as running:
        assert_all_there(running, names)


def test_the_same_share_from_many_at_once_is_one(tmp_path: Path) -> None:
    with service(state_dir=tmp_path, **GENEROUS) as running:
        answers: list[httpx.Response] = []
        threads = [
            threading.Thread(target=lambda: answers.append(running.post("/api/shares", share())))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1
