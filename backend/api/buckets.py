"""Token buckets: so many a minute for each client, with bursts up to a minute's worth."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

CLIENTS_MAX = 10_000
MINUTE_S = 60.0


class Buckets:
    """One bucket a client. A client that was not seen for a minute has a full one, so is forgotten."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> int:
        """Return 0 when a token is there, else how many seconds until one is."""
        level = self._level(client)
        return 0 if level >= 1 else math.ceil((1 - level) * MINUTE_S / self._size)

    def take(self, client: str) -> None:
        """Use up one token."""
        self._levels[client] = (max(0.0, self._level(client) - 1), self._clock())
        self._levels.move_to_end(client)
        if len(self._levels) > CLIENTS_MAX:
            self._levels.popitem(last=False)

    def _level(self, client: str) -> float:
        level, seen_s = self._levels.get(client, (float(self._size), self._clock()))
        refilled = level + (self._clock() - seen_s) * self._size / MINUTE_S
        return min(float(self._size), refilled)
