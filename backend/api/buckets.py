"""Token buckets: so many a minute for each client, with bursts up to a minute's worth."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from backend.settings import Settings
from backend.wire.errors import ApiError

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


class Allowance:
    """What one client may do so many times a minute; `slug` and `what` tell who did it too often."""

    def __init__(self, per_minute: int, slug: str, what: str) -> None:
        self._buckets = Buckets(per_minute)
        self._slug = slug
        self._rule = f"one address may {what} {per_minute} times a minute"

    def spend(self, client: str) -> None:
        """Count once more; raises ApiError 429 with the time to wait, and then does not count."""
        self.ask(client)
        self.count(client)

    def ask(self, client: str) -> None:
        """Raise ApiError 429 when `spend` would."""
        if wait_s := self._buckets.wait_s(client):
            raise ApiError(429, self._slug, self._rule, f"try again in {wait_s} s", retry_s=wait_s)

    def count(self, client: str) -> None:
        """Count once more."""
        self._buckets.take(client)


class Allowances:
    """Every allowance that the settings give a client."""

    def __init__(self, settings: Settings) -> None:
        self.sockets = Allowance(settings.sockets_per_minute, "too-many-sockets", "connect")
        self.runs = Allowance(settings.runs_per_minute, "too-many-runs", "start a run")
        self.checks = Allowance(
            settings.checks_per_minute, "too-many-checks", "have a text checked"
        )
        self.batches = Allowance(settings.batches_per_minute, "too-many-batches", "start a batch")
        self.shares = Allowance(settings.shares_per_minute, "too-many-shares", "share")
        self.misses = Allowance(
            settings.share_misses_per_minute, "too-many-misses", "try links that lead nowhere"
        )
