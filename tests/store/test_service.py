"""The service keeps shares in either database, and outlives the loss of its connections."""

from __future__ import annotations

import threading
from typing import Any

from backend.store.base import StoredShare
from tests.backend.service import service
from tests.backend.sharing import posted, share
from tests.backend.test_batches import made, rows_of, slow, until
from tests.store.conftest import Place


def environment(place: Place) -> dict[str, Any]:
    url = {"database_url": place.database_url} if place.database_url else {}
    return {"state_dir": place.state_dir, **url}


def test_shares_outlive_the_service(place: Place) -> None:
    with service(**environment(place)) as running:
        name = posted(running, share())
        body = running.get(f"/api/shares/{name}").content
        assert running.post("/api/shares", share()).status_code == 200
        running.process.kill()
        running.process.wait()
    with service(**environment(place)) as running:
        assert running.get(f"/api/shares/{name}").content == body


def test_two_services_share_one_database(place: Place) -> None:
    with service(**environment(place)) as one, service(**environment(place)) as two:
        name = posted(one, share())
        assert two.get(f"/api/shares/{name}").status_code == 200
        assert two.post("/api/shares", share()).status_code == 200


def test_a_service_waits_for_a_database_that_is_there_later(postgres_place: Place) -> None:
    server = postgres_place.server
    assert server is not None
    maker = threading.Timer(2.5, server.run, ("createdb", "later"))
    maker.start()
    place = {"database_url": server.url("later"), "state_dir": postgres_place.state_dir}
    try:
        with service(**place) as running:
            assert running.get(f"/api/shares/{posted(running, share())}").status_code == 200
    finally:
        maker.join()
        server.run("dropdb", "--force", "later")


def test_a_database_that_restarts_is_used_again(postgres_place: Place) -> None:
    server = postgres_place.server
    assert server is not None
    store = postgres_place.open()
    store.shares.put(StoredShare("A" * 22, b"body", 5))
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    server.run("psql", "-q", "-d", "postgres", "-c", others)
    assert store.shares.get("A" * 22) == StoredShare("A" * 22, b"body", 5)
    store.close()


def test_a_batch_is_watched_and_stopped_at_any_of_two_services(postgres_place: Place) -> None:
    settings = environment(postgres_place)
    with service(**settings) as one, service(**settings) as two:
        batch = made(one, slow(seeds=60))
        seen = until(two, batch["id"], "running", done=1)
        assert seen["count"] == batch["count"]
        assert len(rows_of(two, batch["id"])) >= seen["done"]
        two.post(f"/api/batches/{batch['id']}/cancel", {})
        stopped = until(one, batch["id"], "cancelled")
        assert stopped["done"] < batch["count"]
        two.post(f"/api/batches/{batch['id']}/resume", {})
        assert until(one, batch["id"], "running", done=stopped["done"] + 1)["failed"] == 0
        one.post(f"/api/batches/{batch['id']}/cancel", {})
        until(two, batch["id"], "cancelled")


def test_what_a_service_leaves_another_finishes(postgres_place: Place) -> None:
    settings = environment(postgres_place)
    with service(**settings) as two:
        with service(**settings) as one:
            batch = made(one, slow(seeds=10))
            assert until(two, batch["id"], "running")["done"] < batch["count"]
            until(one, batch["id"], "running", done=2)
            one.process.kill()
            one.process.wait()
        finished = until(two, batch["id"], "done")
        assert (finished["done"], finished["failed"]) == (batch["count"], 0)
        assert finished["cached"] == 0  # all rows are the batch's own
