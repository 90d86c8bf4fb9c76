"""Batches on a Dask scheduler with two workers: the same rows, and workers that die."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.clusters import Certificates, Cluster, certificates, cluster_of
from tests.backend.service import service
from tests.backend.test_batches import made, rows_of, slow, sweep, until


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with cluster_of(2) as running:
        yield running


def test_a_cluster_gives_the_rows_of_the_local_pool(cluster: Cluster) -> None:
    body = sweep(params={"limit": "3,6,9,12"}, seeds=3)
    with service(scheduler=cluster.address, batch_group=2) as served:
        far = until(served, made(served, body)["id"], "done")
        assert (far["executor"], far["done"], far["failed"]) == ("dask", 12, 0)
        rows = rows_of(served, far["id"])
    with service() as served:
        near = until(served, made(served, body)["id"], "done")
        assert near["executor"] == "local"
        assert rows_of(served, near["id"]) == rows


def test_a_worker_that_dies_costs_no_row(cluster: Cluster) -> None:
    body = slow(seeds=6, params={"limit": "5,6"})
    with service(scheduler=cluster.address, batch_group=2) as served:
        batch = made(served, body)
        until(served, batch["id"], "running", done=2)
        cluster.workers[0].send_signal(signal.SIGKILL)
        ended = until(served, batch["id"], "done")
        assert (ended["done"], ended["failed"], ended["limited"]) == (12, 0, 0)


def test_a_cluster_with_tls_computes_for_whoever_has_a_certificate_of_it(tmp_path: Path) -> None:
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
    own, other = certificates(tmp_path / "own"), certificates(tmp_path / "other")

    def settings(known: Certificates) -> dict[str, Path]:
        return {
            "scheduler_ca": known.ca,
            "scheduler_cert": known.cert,
            "scheduler_key": known.key,
        }

    body = sweep(params={"limit": "3,6"}, seeds=2)
    with cluster_of(1, own) as secured:
        with service(scheduler=secured.address, **settings(own)) as served:
            ended = until(served, made(served, body)["id"], "done")
            assert (ended["executor"], ended["done"], ended["failed"]) == ("dask", 4, 0)
        with service(scheduler=secured.address, **settings(other)) as served:
            until(served, made(served, body)["id"], "interrupted")
