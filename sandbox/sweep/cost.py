"""Cost: about how much processor time one point takes, measured on its beginning."""

from __future__ import annotations

import time

from sandbox.engine import Run

TRIED_MS = 25


def cost_ms(run: Run, since_ms: float) -> float:
    """Return the processor time of a run in ms, from `since_ms` on; a long one is tried in part.

    What was tried is scaled by simulated time, as if the rest were like it.
    """
    started_ms = process_ms()
    while not run.done and process_ms() - started_ms < TRIED_MS:
        run.advance(0)
    ready_ms, tried_ms = started_ms - since_ms, process_ms() - started_ms
    share = 1.0 if run.done else run.machine.now_ns() / max(1, run.scenario.duration_ns)
    return ready_ms + tried_ms / max(share, 1e-6)


def process_ms() -> float:
    """Return the processor time of this process in ms."""
    return time.process_time() * 1000
