"""Runs take turns: one that has had its time stands still while somebody waits who had less.

Its worker is stopped as it is, and goes on as it was: nothing is computed twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from backend.runs.clock import Clock, Interrupt
from backend.workers.slots import Place, QueueFull
from backend.workers.worker import Worker

TURN_S = 0.05


async def take_turns(
    place: Place, worker: Worker, clock: Clock, end: Callable[[Interrupt], None]
) -> None:
    """Give the place up and take it again, as often as it is contested, until cancelled."""
    while True:
        await asyncio.sleep(TURN_S)
        if not place.contested:
            continue
        clock.halt()
        worker.halt()
        place.give()
        try:
            await place.take()
        except QueueFull:
            end(Interrupt.CROWDED)
            return
        worker.go_on()
        clock.go_on()
