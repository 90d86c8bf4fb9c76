"""Batch: one sweep in memory while it runs: which points have their row, and who waits for more."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import zlib
from collections.abc import Mapping
from typing import Any

from backend.batches.point import NOT_FINAL
from backend.store.base import StoredBatch
from backend.wire.batches import BatchState
from backend.wire.messages import Planned
from sandbox.protocol import Outcome

ENDED = ("done", "cancelled", "interrupted")


class Batch:
    """`keys` are those of the points that have a row, in the order they got it.

    A place in that order means something only together with `epoch`: after a restart it is another order.
    """

    def __init__(self, stored: StoredBatch, executor: str) -> None:
        self.stored = stored
        self.executor = executor
        self.plan = Planned.model_validate_json(zlib.decompress(stored.plan))
        self.state = stored.state
        self.reason = ""
        self.started_s = stored.started_s
        self.finished_s = stored.finished_s
        self.keys: dict[str, str] = {}  # key → outcome
        self.epoch = secrets.token_hex(4)
        self.cached = 0
        self._computed = 0
        self._since: float | None = None
        self._news = asyncio.Event()

    @property
    def request(self) -> Mapping[str, Any]:
        """What was asked, as it was posted."""
        body: Mapping[str, Any] = json.loads(zlib.decompress(self.stored.body))
        return body

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self.state in ENDED

    def known(self, outcomes: Mapping[str, str]) -> None:
        """Take over results that were there before; they are in the order of the design."""
        before = len(self.keys)
        self._add(outcomes)
        self.cached += len(self.keys) - before

    def _add(self, outcomes: Mapping[str, str]) -> None:
        for point in self.plan.points:
            if point.key in outcomes:
                self.keys[point.key] = outcomes[point.key]

    def keep_only(self, outcomes: Mapping[str, str]) -> None:
        """Forget the points that are not among these."""
        kept = {key: one for key, one in self.keys.items() if key in outcomes}
        if len(kept) < len(self.keys):
            self.keys = kept
            self.epoch = secrets.token_hex(4)

    def unsettled(self) -> list[str]:
        """Return the keys of the points without a row, or with one that may come out otherwise."""
        keys = (point.key for point in self.plan.points)
        return [key for key in keys if key not in self.keys or self.keys[key] in NOT_FINAL]

    def take(self, outcomes: Mapping[str, str]) -> None:
        """Count points whose rows were just stored."""
        self._since = self._since if self._since is not None else time.monotonic()
        self._computed += len(outcomes)
        self.keys.update(outcomes)
        self.tell()

    def told_by(self, stored: StoredBatch, outcomes: Mapping[str, str]) -> None:
        """Take over how far another service is with it."""
        before = self.state, dict(self.keys)
        if stored.state != self.state:
            self.reason = ""
        self.state = stored.state
        self.started_s = stored.started_s
        self.finished_s = stored.finished_s
        self._add(outcomes)
        if (self.state, self.keys) != before:
            self.tell()

    def move(self, state: str, at_s: int, reason: str = "") -> None:
        """Set the state, the time it goes with, and of an interruption the reason."""
        self.state = state
        self.reason = reason
        if state == "running":
            self.started_s = at_s
            self._since, self._computed = None, 0  # the pace is that of the present stretch
        self.finished_s = at_s if state in ENDED else None
        self.tell()

    def tell(self) -> None:
        """Wake everybody who waits for news."""
        self._news.set()
        self._news = asyncio.Event()

    async def news(self, timeout_s: float) -> None:
        """Wait for something new, or for so long."""
        waiting = self._news.wait()
        try:
            async with asyncio.timeout(timeout_s):
                await waiting
        except TimeoutError:
            return

    def told(self, url: str) -> BatchState:
        """Return what a client sees."""
        plan = self.plan
        outcomes = [self.keys[one.key] for one in plan.points if one.key in self.keys]
        limited = sum(one.startswith("limit-") for one in outcomes)
        failed = sum(one != Outcome.OK for one in outcomes) - limited
        return BatchState(
            id=self.stored.batch_id,
            url=url,
            title=plan.title,
            state=self.state,  # type: ignore[arg-type]
            reason=self.reason,
            kind=plan.kind,
            count=plan.count,
            done=len(outcomes),
            failed=failed,
            limited=limited,
            cached=self.cached,
            eta_s=self._eta_s(),
            created_s=self.stored.created_s,
            started_s=self.started_s,
            finished_s=self.finished_s,
            engine=plan.engine,
            executor=self.executor,
            programs=[one.label for one in plan.programs],
            axes=plan.axes,
            seeds=plan.seeds,
            metrics=plan.metrics,
        )

    def _eta_s(self) -> float | None:
        """Return how long the rest takes at the pace so far; None before there is one."""
        if self.state != "running" or self._since is None or self._computed < 2:
            return None
        pace = (self._computed - 1) / max(1e-3, time.monotonic() - self._since)
        return round((self.plan.count - len(self.keys)) / pace, 1)
