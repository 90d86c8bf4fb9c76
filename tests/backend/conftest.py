from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backend.service import Client, Service, service


@pytest.fixture(scope="module")
def served() -> Iterator[Service]:
    with service(
        stall_s=0.4,
        send_timeout_s=2,
        live_runs_per_client=4,
        live_runs=8,
        body_bytes=1 << 20,
    ) as running:
        yield running


@pytest.fixture
def client(served: Service) -> Iterator[Client]:
    with served.connect() as connection:
        yield connection
