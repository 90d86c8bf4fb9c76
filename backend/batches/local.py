"""LocalExecutor: points in locked workers on this machine, after the runs that somebody watches."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence

from backend.batches.lease import Lease
from backend.batches.point import Result, Task
from backend.settings import Settings
from backend.workers.pool import Pool


class LocalExecutor:
    """As many points at a time as there are places; batches take turns at them."""

    name = "local"

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings
        self.places: int | None = settings.batch_workers
        self._places = asyncio.Semaphore(settings.batch_workers)

    async def close(self) -> None:
        """Do nothing: the pool has an owner."""

    async def run(self, tasks: Sequence[Task]) -> AsyncIterator[list[Result]]:
        """Yield the results of the tasks as they come, those at once that came while the last were looked at."""
        waiting = deque(tasks)
        found: asyncio.Queue[Result | Exception] = asyncio.Queue()
        lanes = [
            asyncio.create_task(self._lane(waiting, found))
            for _ in range(min(self._settings.batch_workers, len(tasks)))
        ]
        try:
            missing = len(tasks)
            while missing:
                some = [await found.get()]
                while not found.empty():
                    some.append(found.get_nowait())
                missing -= len(some)
                yield [_result(one) for one in some]
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def _lane(self, waiting: deque[Task], found: asyncio.Queue[Result | Exception]) -> None:
        try:
            while waiting:
                async with self._places, Lease(self._pool, self._settings) as lease:
                    while waiting and lease.lasts():
                        found.put_nowait(await lease.compute(waiting.popleft()))
        except Exception as mistake:
            found.put_nowait(mistake)


def _result(one: Result | Exception) -> Result:
    if isinstance(one, Exception):
        raise one
    return one
