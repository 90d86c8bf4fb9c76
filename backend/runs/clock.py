"""How long a worker may take: so much wall time in all, and so much time with nothing to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum


class Interrupt(Enum):
    """Why the service ended a worker itself."""

    STALLED = "stalled"
    WALL = "wall"
    STOPPED = "stopped"
    EVENT = "event"
    CROWDED = "crowded"


class Clock:
    """Runs only while the service waits for a worker; `ring` hears when the time is up.

    Time that a slow browser takes is the browser's and does not count, nor does time that the worker is
    made to stand still.
    """

    def __init__(self, wall_s: float, stall_s: float, ring: Callable[[Interrupt], None]) -> None:
        self._wall_s = wall_s
        self._stall_s = stall_s
        self._ring = ring
        self._left_s = wall_s
        self._waits = self._idle = self._halted = False
        self._since_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether the service waits for the worker."""
        return self._waits

    def wind_up(self) -> None:
        """Give a new worker all of its time."""
        self._left_s = self._wall_s
        self._halted = False

    def start(self, idle: bool) -> None:
        """Start to wait for a worker, which has nothing to do when `idle`."""
        self._waits, self._idle = True, idle
        if idle or not self._halted:
            self._count()

    def stop(self) -> None:
        """Stop waiting; harmless when it does not run."""
        self._waits = False
        self._pause()

    def halt(self) -> None:
        """Count nothing while the worker stands still, but what it has nothing to do for."""
        self._halted = True
        if not self._idle:
            self._pause()

    def go_on(self) -> None:
        """Count again, if the service still waits."""
        self._halted = False
        if self._waits and not self._idle:
            self._count()

    def _count(self) -> None:
        loop = asyncio.get_running_loop()
        self._since_s = loop.time()
        if self._idle:
            self._timer = loop.call_later(self._stall_s, self._ring, Interrupt.STALLED)
        else:
            left_s = max(0.0, self._left_s)
            self._timer = loop.call_later(left_s, self._ring, Interrupt.WALL)

    def _pause(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._since_s is not None:
            if not self._idle:
                self._left_s -= asyncio.get_running_loop().time() - self._since_s
            self._since_s = None
