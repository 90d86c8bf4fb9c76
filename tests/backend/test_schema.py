"""Whatever the API description allows, and what it does not, is answered as the description says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from backend.app import create_app
from backend.settings import Settings
from tests.backend.service import Service, service

EXAMPLES = 25
DOCUMENT = create_app(Settings()).openapi()
# The upgrade to a WebSocket is no request that OpenAPI can describe.
schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(path="/api/run")


@pytest.fixture(scope="module")
def described() -> Iterator[Service]:
    with service(shares_per_minute=10**6, share_misses_per_minute=10**6) as running:
        yield running


# What schemathesis now and then does itself while it makes a case.
@pytest.mark.filterwarnings("ignore:Do not use the .random. module inside strategies")
@schema.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
def test_every_answer_is_one_that_the_description_has(
    case: schemathesis.Case, described: Service
) -> None:
    answer = case.call(base_url=described.url.rstrip("/"))
    # Sizes, base64 and what a scenario means are told in words, not in the description.
    case.validate_response(answer, excluded_checks=[positive_data_acceptance])
    if answer.status_code >= 400 and answer.content:
        assert set(answer.json()) == {"error"}


def test_the_service_is_well_after_all_of_it(described: Service) -> None:
    health = described.health()
    assert health["status"] == "ok"
    assert health["live_runs"] == 0
    assert described.process.poll() is None
