"""A real service for the tests of the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backend.service import Service, service


@pytest.fixture(scope="module")
def served() -> Iterator[Service]:
    with service(batches_per_minute=1000, batches_per_client=100) as running:
        yield running
