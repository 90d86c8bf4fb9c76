"""The long run of the theory takes longer than a test may otherwise."""

from __future__ import annotations

import pytest

from tests.theory import lab

LONG_TIMEOUT_S = 3_600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder an hour when the long run was asked for."""
    for item in items:
        if lab.LONG and "theory" in item.path.parts:
            item.add_marker(pytest.mark.timeout(LONG_TIMEOUT_S))
