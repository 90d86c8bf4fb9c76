"""Who may compute now: a fair queue with a limit in all and a limit for each client."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

TELL_INTERVAL_S = 2.0
FIRST_HOLD_S = 1.0  # what a place is held for, as long as nobody has given one back
RECENT = 16  # holds that the expected time is mostly made of


class QueueFull(Exception):
    """More wait than may wait; `wait_s` is when to come again."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = max(1, math.ceil(wait_s))
        super().__init__(f"busy, about {self.wait_s} s")


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiter:
    client: str
    turn: asyncio.Future[None]


class Slots:
    """At most `total` at once and `per_client` of one client; the rest wait in order.

    Whose turn it is: the first in line among the clients that hold the fewest places.
    """

    def __init__(
        self, total: int, per_client: int, queue: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._per_client = per_client
        self._queue = queue
        self._clock = clock
        self._hold_s = FIRST_HOLD_S
        self._since: defaultdict[str, deque[float]] = defaultdict(deque)  # by client, when taken
        self._waiting: deque[_Waiter] = deque()

    @property
    def held(self) -> int:
        """How many compute now."""
        return sum(map(len, self._since.values()))

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
        # With a place left, whoever waits has used up his own.
        if self._fits(client):
            self._take(client)
            return
        if len(self._waiting) >= self._queue:
            raise QueueFull(self.expected_s(client, len(self._waiting) + 1))
        waiter = _Waiter(client=client, turn=asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            while not waiter.turn.done():
                if tell is not None:
                    position = self._waiting.index(waiter) + 1
                    await tell(position, self.expected_s(client, position))
                await asyncio.wait([waiter.turn], timeout=TELL_INTERVAL_S)
        except BaseException:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.turn.done():
                self.release(client)
            raise

    def release(self, client: str) -> None:
        """Give back a place."""
        assert self._since[client], "a place is given back once"
        held_s = self._clock() - self._since[client].popleft()
        self._hold_s += (held_s - self._hold_s) / RECENT
        if not self._since[client]:
            del self._since[client]
        self._admit()

    def expected_s(self, client: str, position: int) -> float:
        """Return how long the `position`-th in line waits if places are held as long as of late.

        Places that are held for longer than that now make the estimate longer.
        """
        now_s = self._clock()
        ages = [now_s - since_s for held in self._since.values() for since_s in held]
        hold_s = max(self._hold_s, sum(ages) / len(ages) if ages else 0.0)
        rounds = position / self._total
        if len(self._since.get(client, ())) >= self._per_client:
            rounds = max(rounds, 1 / self._per_client)
        return hold_s * rounds

    def _fits(self, client: str) -> bool:
        return self.held < self._total and len(self._since.get(client, ())) < self._per_client

    def _take(self, client: str) -> None:
        self._since[client].append(self._clock())

    def _admit(self) -> None:
        """Let in whoever has waited longest among the clients that hold the fewest places."""
        while ready := [waiter for waiter in self._waiting if self._fits(waiter.client)]:
            first = min(ready, key=lambda waiter: len(self._since.get(waiter.client, ())))
            self._waiting.remove(first)
            self._take(first.client)
            first.turn.set_result(None)
