"""Batches and the service they run on: quotas, keys, restarts, deaths."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.backend.service import Service, service
from tests.backend.test_batches import (
    SCENARIO,
    WAIT_S,
    events,
    made,
    rows_of,
    slow,
    state_of,
    sweep,
    until,
)
from tests.backend.test_http import shape


@pytest.fixture(scope="module")
def served() -> Iterator[Service]:
    with service(batches_per_minute=1000, batches_per_client=100) as running:
        yield running


def test_quotas_are_told_with_their_numbers() -> None:
    with service(batches_per_client=1, batch_points=50) as served:
        large = served.post("/api/batches", slow())
        assert shape(large) == "sweep-too-large"
        assert "60 points, the limit is 50" in large.json()["error"]["message"]
        first = made(served, slow(seeds=10))
        second = served.post("/api/batches", sweep())
        assert (second.status_code, shape(second)) == (429, "too-many-batches")
        served.post(f"/api/batches/{first['id']}/cancel", {})
        with ThreadPoolExecutor(6) as clients:
            at_once = clients.map(lambda _: served.post("/api/batches", slow(seeds=10)), range(6))
            assert sorted(reply.status_code for reply in at_once) == [201, *[429] * 5]


def test_a_key_is_one_address_own() -> None:
    with service(proxies="127.0.0.1", batches_per_client=5) as served:
        ids = {
            made(served, sweep(), **{"idempotency-key": "job-1", "x-forwarded-for": address})["id"]
            for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")
        }
        assert len(ids) == 2


def test_what_a_finished_batch_has_lost_is_computed_when_it_goes_on(tmp_path: Path) -> None:
    with service(state_dir=tmp_path) as served:
        batch = until(served, made(served, sweep())["id"], "done")
        before = rows_of(served, batch["id"])
        path = f"/api/batches/{batch['id']}"
        mark = list(events(served.get(f"{path}/events").text))[1][1]
    gone, limited = before[1]["key"], before[2]["key"]
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as database:
        database.execute("DELETE FROM points WHERE key = ?", (gone,))
        database.execute("UPDATE points SET outcome = 'limit-cpu' WHERE key = ?", (limited,))
        database.commit()
    with service(state_dir=tmp_path) as served:
        told = state_of(served, batch["id"])
        assert (told["state"], told["done"], told["limited"]) == ("done", 5, 1)
        # The places of rows are other ones after a restart, so all of them come again.
        told = served.get(f"{path}/events", headers={"last-event-id": mark}).text
        assert len(list(events(told))[1][2]["rows"]) == 5
        served.post(f"{path}/resume", {})
        ended = until(served, batch["id"], "done", done=6)
        assert (ended["failed"], ended["limited"]) == (0, 0)
        assert rows_of(served, batch["id"]) == before
        assert served.post(f"{path}/resume", {}).json()["state"] == "done"


def test_a_killed_service_goes_on_with_its_batches(tmp_path: Path) -> None:
    body = slow(seeds=4, scenario=SCENARIO.replace("400ms", "10s").replace("1.5mbit", "50mbit"))
    with service(state_dir=tmp_path) as served:
        batch = made(served, body)
        until(served, batch["id"], "running", done=2)
        before = {row["key"]: row for row in rows_of(served, batch["id"])}
        os.kill(served.process.pid, signal.SIGKILL)
        served.process.wait()
    with service(state_dir=tmp_path) as served:
        ended = until(served, batch["id"], "done")
        assert ended["done"] == 12
        assert ended["cached"] == 0  # all rows are its own
        after = {row["key"]: row for row in rows_of(served, batch["id"])}
        assert {key: after[key] for key in before} == before


def test_a_killed_worker_costs_one_point_and_is_told(served: Service) -> None:
    batch = made(served, slow(params={"limit": "5,6"}, seeds=4))
    until(served, batch["id"], "running")
    ends_s = time.monotonic() + WAIT_S
    while not (workers := served.workers()) and time.monotonic() < ends_s:
        time.sleep(0.01)
    os.kill(workers[0], signal.SIGKILL)
    ended = until(served, batch["id"], "done")
    assert ended["failed"] <= 1
    crashed = [row for row in rows_of(served, batch["id"]) if row["outcome"] == "crashed"]
    assert len(crashed) == ended["failed"]
