"""LocalExecutor: points in locked workers on this machine, after the runs that somebody watches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from backend.batches.point import Result, lost
from backend.settings import Settings
from backend.wire.messages import Finished, PointRow, WorkerError, WorkerMessage
from backend.workers.pool import Pool
from backend.workers.worker import Frame
from backend.workers.zygote import Unavailable
from sandbox.protocol import Outcome, ProtocolError

LOG = logging.getLogger(__name__)


class LocalExecutor:
    """As many points at a time as there are places; batches take turns."""

    name = "local"

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self.places: int | None = settings.batch_workers
        self._places = asyncio.Semaphore(settings.batch_workers)

    async def close(self) -> None:
        """Do nothing: the pool has an owner."""

    async def run(self, tasks: Sequence[dict[str, Any]]) -> AsyncIterator[Result]:
        """Yield the result of each task as it comes."""
        waiting = iter(tasks)
        running: set[asyncio.Task[Result]] = set()
        try:
            while True:
                while len(running) < self._settings.batch_workers:
                    task = next(waiting, None)
                    if task is None:
                        break
                    running.add(asyncio.create_task(self._in_turn(task)))
                if not running:
                    return
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    yield one.result()
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _in_turn(self, task: dict[str, Any]) -> Result:
        async with self._places:
            return await self._compute(task)

    async def _compute(self, task: dict[str, Any]) -> Result:
        settings = self._settings
        try:
            worker = await self._pool.worker(
                settings.point_cpu_ms, settings.point_memory_bytes, nice=settings.point_nice
            )
        except Unavailable as problem:
            LOG.error("no worker for a point: %s", problem)
            return lost(task, Outcome.CRASHED, "no sandbox could be started")
        answer: WorkerMessage | Frame | None = None
        outcome: str = ""
        try:
            async with asyncio.timeout(settings.point_wall_s):
                await worker.give(task, settings.point_wall_s)
                answer = await worker.receive()
        except TimeoutError:
            outcome = Outcome.LIMIT_WALL
        except (ProtocolError, OSError) as problem:
            LOG.warning("worker %d broke the protocol: %s", worker.pid, problem)
        finally:
            end = await worker.close()
        if isinstance(answer, PointRow) and answer.row.get("key") == task["key"]:
            return Result(key=task["key"], row=dict(answer.row), waits=answer.waits)
        if isinstance(answer, WorkerError):
            return lost(task, Outcome.COMPILE_ERROR, answer.error.message)
        if isinstance(answer, Finished):
            return lost(task, str(answer.outcome), f"the point ended with {answer.outcome}")
        outcome = outcome or str(end.outcome)
        return lost(task, outcome, f"the point ended with {outcome}: {end.message}")
