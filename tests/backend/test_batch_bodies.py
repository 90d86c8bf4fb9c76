"""What a client posts for a batch: texts that cannot be kept or shown are refused with what to do."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.backend.service import Service
from tests.backend.test_batches import LIMITED, sweep


@pytest.mark.parametrize(
    "change",
    [
        {"list": "limit\ud800\n5\n"},
        {"files": {"a\ud800.csv": ""}},
        {"programs": {"mine.qdisc.py": "\ud800"}},
        {"compare": {"=HYPERLINK(1)": LIMITED}},
        {"compare": {"+1": LIMITED}},
    ],
)
def test_texts_that_no_table_can_hold_are_refused(change: dict[str, Any], served: Service) -> None:
    body = json.dumps(sweep(**change))
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{served.url}api/batches", content=body, headers=headers)
    assert answer.status_code == 422
    assert next(iter(change)) in answer.json()["error"]["message"]


@pytest.mark.parametrize(("body", "kind"), [("{}", "text/plain"), ("", "application/json")])
def test_a_body_that_is_no_json_is_told_what_to_send(body: str, kind: str, served: Service) -> None:
    answer = httpx.post(f"{served.url}api/batches", content=body, headers={"content-type": kind})
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["error"]["message"]
