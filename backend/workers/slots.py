"""Who may compute now: a fair queue with a limit in all and a limit for each client."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

TELL_INTERVAL_S = 2.0
EXPECTED_HOLD_S = 1.0


class QueueFull(Exception):
    """More wait than may wait."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiter:
    client: str
    turn: asyncio.Future[None]


class Slots:
    """At most `total` at once and `per_client` of one client; the rest wait in order."""

    def __init__(self, total: int, per_client: int, queue: int) -> None:
        self._total = total
        self._per_client = per_client
        self._queue = queue
        self._held: Counter[str] = Counter()
        self._waiting: deque[_Waiter] = deque()

    @property
    def held(self) -> int:
        """How many compute now."""
        return self._held.total()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def acquire(
        self, client: str, tell: Callable[[int, float], Awaitable[None]] | None = None
    ) -> None:
        """Wait for a place; `tell` hears position and expected seconds while it takes.

        Raises QueueFull at once when too many wait.
        """
        if not self._waiting and self._fits(client):
            self._held[client] += 1
            return
        if len(self._waiting) >= self._queue:
            raise QueueFull
        waiter = _Waiter(client=client, turn=asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            self._admit()
            while not waiter.turn.done():
                if tell is not None:
                    position = self._waiting.index(waiter) + 1
                    await tell(position, position * EXPECTED_HOLD_S / self._total)
                await asyncio.wait([waiter.turn], timeout=TELL_INTERVAL_S)
        except BaseException:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.turn.done():
                self.release(client)
            raise

    def release(self, client: str) -> None:
        """Give back a place."""
        assert self._held[client] > 0, "a place is given back once"
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]
        self._admit()

    def _fits(self, client: str) -> bool:
        return self._held.total() < self._total and self._held[client] < self._per_client

    def _admit(self) -> None:
        """Let in whoever is first among those whose client has a place left."""
        for waiter in list(self._waiting):
            if self._held.total() >= self._total:
                return
            if self._fits(waiter.client):
                self._waiting.remove(waiter)
                self._held[waiter.client] += 1
                waiter.turn.set_result(None)
