"""The real proxy, with the project's configuration, in front of the real service."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.backend.service import ROOT, Service, eventually, service

ABSENT = "there is no Caddy; Debian: apt-get install caddy"


@dataclass(frozen=True, slots=True)
class Front:
    """The proxy's ports, the certificates it made, and the service behind it."""

    service: Service
    http: int
    https: int
    health: int
    trust: Path

    @property
    def host(self) -> str:
        return f"localhost:{self.https}"

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.trust))


def ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip(ABSENT)
    home = tmp_path_factory.mktemp("caddy")
    http, https, health = ports(3)
    with service(proxies="127.0.0.0/8", checks_per_minute=3) as running:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_DATA_HOME": str(home),
            "SITE": "localhost",
            "UPSTREAM": running.host,
            "HEADER_TIMEOUT": "1s",
            "HTTP_PORT": str(http),
            "HTTPS_PORT": str(https),
            "HEALTH_PORT": str(health),
        }
        command = [caddy, "run", "--config", "deploy/Caddyfile", "--adapter", "caddyfile"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        trust = home / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        try:
            assert eventually(lambda: answers(https) and answers(health) and trust.exists(), 20)
            yield Front(running, http, https, health, trust)
        finally:
            process.terminate()
            process.wait(timeout=10)
