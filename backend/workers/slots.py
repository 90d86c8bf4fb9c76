"""Who may compute now: so many at once in all and of each client, and those first who had the least of late.

Use is time that places were held, which is forgotten by half every minute. It decides who is next, who gives
a place up for a while, and who has to go when more wait than may; so whoever asks for little hardly waits,
however many ask for much.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

TELL_INTERVAL_S = 2.0
FIRST_HOLD_S = 1.0  # what a place is held for, as long as nobody has given one back
RECENT = 16  # holds that the expected time is mostly made of
HALF_LIFE_S = 60.0
CLIENTS_MAX = 10_000


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
    """At most `total` at once and `per_client` of one client; at most `queue` wait."""

    def __init__(
        self, total: int, per_client: int, queue: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._per_client = per_client
        self._queue = queue
        self._clock = clock
        self._hold_s = FIRST_HOLD_S
        self._since: defaultdict[str, deque[float]] = defaultdict(deque)  # by client, when taken
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()  # seconds, and when
        self._waiting: list[_Waiter] = []

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

        Raises QueueFull when too many wait, for whom has used most, which may also be later.
        """
        # With a place left, whoever waits has used up his own.
        if self._fits(client):
            self._take(client)
            return
        waiter = _Waiter(client=client, turn=asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        if len(self._waiting) > self._queue:
            self._turn_away()
        try:
            while not waiter.turn.done():
                if tell is not None:
                    position = self._line().index(waiter) + 1
                    await tell(position, self.expected_s(client, position))
                await asyncio.wait([waiter.turn], timeout=TELL_INTERVAL_S)
            waiter.turn.result()
        except QueueFull:
            raise
        except BaseException:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.turn.done() and waiter.turn.exception() is None:
                self.release(client)
            raise

    def release(self, client: str) -> None:
        """Give back a place."""
        assert self._since[client], "a place is given back once"
        held_s = self._clock() - self._since[client].popleft()
        self._hold_s += (held_s - self._hold_s) / RECENT
        self._used[client] = (self._past_s(client) + held_s, self._clock())
        self._used.move_to_end(client)
        if len(self._used) > CLIENTS_MAX:
            self._used.popitem(last=False)
        if not self._since[client]:
            del self._since[client]
        self._admit()

    def contested(self, client: str) -> bool:
        """Whether somebody with less use would have the place that `client` gave up now."""
        mine_s = self.use_s(client)
        return any(
            self.use_s(waiter.client) < mine_s and self._has_own(waiter.client, client)
            for waiter in self._waiting
        )

    def use_s(self, client: str) -> float:
        """Return the seconds of places that a client has had of late, those it holds included."""
        now_s = self._clock()
        held_s = sum(now_s - since_s for since_s in self._since.get(client, ()))
        return self._past_s(client) + held_s

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

    def _past_s(self, client: str) -> float:
        used_s, when_s = self._used.get(client, (0.0, 0.0))
        return used_s * math.exp2((when_s - self._clock()) / HALF_LIFE_S)

    def _fits(self, client: str) -> bool:
        return self.held < self._total and len(self._since.get(client, ())) < self._per_client

    def _has_own(self, client: str, giver: str) -> bool:
        held = len(self._since.get(client, ()))
        return held - (client == giver) < self._per_client

    def _take(self, client: str) -> None:
        self._since[client].append(self._clock())

    def _line(self) -> list[_Waiter]:
        """Return who waits, whoever had least first, and of the same whoever waits longest."""
        uses_s = {client: self.use_s(client) for client in {each.client for each in self._waiting}}
        return sorted(self._waiting, key=lambda waiter: uses_s[waiter.client])

    def _admit(self) -> None:
        """Let in as many as there are places."""
        for waiter in self._line():
            if self._fits(waiter.client):
                self._waiting.remove(waiter)
                self._take(waiter.client)
                waiter.turn.set_result(None)

    def _turn_away(self) -> None:
        """Tell the last in line that there is no room."""
        last = self._line()[-1]
        self._waiting.remove(last)
        last.turn.set_exception(QueueFull(self.expected_s(last.client, self._queue + 1)))


class Place:
    """One client's place, which may be given up for a while; `held` tells whether it is taken now."""

    def __init__(self, slots: Slots, client: str) -> None:
        self._slots = slots
        self._client = client
        self.held = False

    async def take(self, tell: Callable[[int, float], Awaitable[None]] | None = None) -> None:
        """Wait for it. Raises QueueFull."""
        await self._slots.acquire(self._client, tell)
        self.held = True

    def give(self) -> None:
        """Give it up; harmless when it is not held."""
        if self.held:
            self.held = False
            self._slots.release(self._client)

    @property
    def contested(self) -> bool:
        """Whether somebody who has had less waits for it."""
        return self._slots.contested(self._client)
