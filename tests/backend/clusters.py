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
from pathlib import Path

import trustme

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


@dataclass(frozen=True)
class Certificates:
    """Files of an authority, and of one certificate that all who take part may use."""

    ca: Path
    cert: Path
    key: Path

    def options(self) -> list[str]:
        """Return what schedulers and workers are told."""
        files = {"ca-file": self.ca, "cert": self.cert, "key": self.key}
        return [word for name, path in files.items() for word in (f"--tls-{name}", str(path))]


def certificates(folder: Path) -> Certificates:
    """Make an authority and a certificate of its own."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    made = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(made.ca)
    issued.cert_chain_pems[0].write_to_path(made.cert)
    issued.private_key_pem.write_to_path(made.key)
    return made


@contextmanager
def cluster_of(count: int, tls: Certificates | None = None) -> Iterator[Cluster]:
    """Run a scheduler with so many workers, each of one thread."""
    port = free_port()
    address = f"{'tcp' if tls is None else 'tls'}://127.0.0.1:{port}"
    options = ["--no-dashboard", *(tls.options() if tls else [])]
    with ExitStack() as stack:
        scheduler = ["distributed.cli.dask_scheduler", "--host", address.rpartition(":")[0]]
        stack.enter_context(running(*scheduler, "--port", str(port), *options))
        assert listens(port)
        worker = ["distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
        workers = [stack.enter_context(running(*worker, *options)) for _ in range(count)]
        yield Cluster(address, workers)
