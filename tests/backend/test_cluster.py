"""Batches on a Dask scheduler with two workers: the same rows, and workers that die."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.backend.service import ROOT, service
from tests.backend.test_batches import made, rows_of, slow, sweep, until

QUIET = {"DASK_DISTRIBUTED__DASHBOARD__LINK": "", "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}


@dataclass
class Cluster:
    """A scheduler and its workers, as processes of this machine."""

    address: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), "QDISC_BATCH_WORKERS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    ends_s = time.monotonic() + 30
    while time.monotonic() < ends_s:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(running(*scheduler, "--no-dashboard"))
        assert listens(port)
        worker = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        two = [stack.enter_context(running(*worker, "--no-nanny")) for _ in range(2)]
        yield Cluster(address, two)


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
