"""Small shares for tests."""

from __future__ import annotations

from typing import Any

from tests.backend.service import Service, inputs

PNG = b"\x89PNG\r\n\x1a\n"


def share(duration: str = "20ms", **fields: Any) -> dict[str, Any]:
    """Return a share of a small scenario."""
    return {
        "version": 1,
        "title": "One queue",
        **inputs(duration),
        "view": {"time_ns": 12_345_678, "row": 17, "selection": {"kind": "skb", "skb": 4}},
        "picture": {"curve": [0, 50, 100], "at": 500, "boxes": [{"flow": 1, "width": 60}]},
        "engine": "reference-2",
        **fields,
    }


def posted(served: Service, body: dict[str, Any]) -> str:
    """Post a share and return its id."""
    answer = served.post("/api/shares", body)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])
