"""Lease: a place for points, for a while, and the worker in it that takes one point after the other.

Most of a small point's cost is its process, so points that differ in parameters and seed only share one. What
else decides a point is part of its key, so that no program can meddle with a row that others may find by theirs.
"""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

from backend.batches.point import NOT_FINAL, Result, Task, lost
from backend.settings import Settings
from backend.wire.messages import Finished, PointRow, WorkerError
from backend.workers.pool import Pool
from backend.workers.worker import Ending, Worker
from backend.workers.zygote import Unavailable
from sandbox.protocol import Outcome

LOG = logging.getLogger(__name__)
LEASE_S = 1.0  # then it is another batch's turn


class Lease:
    """One after the other: `compute` is not called again before it has returned."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self._until_s = time.monotonic() + LEASE_S
        self._worker: Worker | None = None
        self._program = ""  # label of the program of the worker's points

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._worker is not None:
            await self._end()

    def lasts(self) -> bool:
        """Whether another point may begin."""
        return time.monotonic() < self._until_s

    async def compute(self, task: Task) -> Result:
        """Return the result of a task of the lease's batch."""
        if self._worker is not None and task["program"] != self._program:
            await self._end()
        after_others = self._worker is not None
        result = await self._compute(task)
        if after_others and result.outcome in NOT_FINAL:
            # What the others left behind may have its part in it, so once more with all that a point may use.
            result = await self._compute(task)
        return result

    async def _compute(self, task: Task) -> Result:
        settings = self._settings
        try:
            worker = await self._ready(task)
        except Unavailable as problem:
            LOG.error("no worker for a point: %s", problem)
            return lost(task, Outcome.CRASHED, "no sandbox could be started")
        answer, outcome = await worker.ask(task, settings.point_wall_s)
        if isinstance(answer, PointRow) and answer.row.get("key") == task["key"]:
            result = Result(key=task["key"], row=dict(answer.row), waits=answer.waits)
            if not answer.more or result.outcome in NOT_FINAL:
                await self._end()
            return result
        end = await self._end()
        if isinstance(answer, WorkerError):
            return lost(task, Outcome.COMPILE_ERROR, answer.error.message)
        if isinstance(answer, Finished):
            return lost(task, str(answer.outcome), f"the point ended with {answer.outcome}")
        outcome = outcome or str(end.outcome)
        return lost(task, outcome, f"the point ended with {outcome}: {end.message}")

    async def _ready(self, task: Task) -> Worker:
        """Return the worker for a task: the one that is there, or a fresh one. Raises Unavailable."""
        if self._worker is None:
            settings = self._settings
            self._worker = await self._pool.worker(
                settings.point_cpu_ms, settings.point_memory_bytes, nice=settings.point_nice
            )
            self._program = task["program"]
        return self._worker

    async def _end(self) -> Ending:
        """End the worker, and say how it ended."""
        worker, self._worker = self._worker, None
        assert worker is not None
        return await worker.close()
