"""A Dask scheduler and its workers, as processes of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.backend.service import ROOT

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


@contextmanager
def cluster_of(count: int) -> Iterator[Cluster]:
    """Run a scheduler with so many workers, each of one thread."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(running(*scheduler, "--no-dashboard"))
        assert listens(port)
        worker = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        workers = [stack.enter_context(running(*worker, "--no-nanny")) for _ in range(count)]
        yield Cluster(address, workers)
