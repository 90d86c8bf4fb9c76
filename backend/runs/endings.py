"""How a run ends when its worker does not say so itself."""

from __future__ import annotations

from typing import Any

from backend.runs.clock import Interrupt
from sandbox.protocol import Outcome

# Of runs whose worker the service ended for good.
ENDS = {
    Interrupt.WALL: (Outcome.LIMIT_WALL, "the run took too long"),
    Interrupt.STOPPED: (Outcome.CANCELLED, "the run was stopped"),
    Interrupt.CROWDED: (Outcome.CANCELLED, "busy: the run had to make room for others"),
}


def last_message(outcome: Outcome, rows: int, time_ns: int, reason: str) -> dict[str, Any]:
    """Return `finished` with what is known without a worker."""
    return {
        "op": "finished",
        "outcome": str(outcome),
        "digest": "",
        "rows": rows,
        "time_ns": time_ns,
        "statistics": {},
        "maps": [],
        "tc_text": "",
        "map_text": "",
        "lines": {},
        "fault": {"message": reason},
        "expects": [],
        "truncated": True,
    }
