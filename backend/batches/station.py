"""Station: what a Dask worker computes points with: a zygote of its own, and locked workers forked from it.

It lives in the process of the Dask worker from the first group on, on a thread with its own event loop.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import threading

from backend.batches.local import LocalExecutor
from backend.batches.point import Result, Task
from backend.metrics import Metrics
from backend.settings import from_environment
from backend.workers.pool import Pool


class Station:
    """Made once in a process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="station", daemon=True).start()
        self._executor = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()

    async def _start(self) -> LocalExecutor:
        settings = from_environment(os.environ)
        pool = Pool(settings, Metrics())
        await pool.start()
        return LocalExecutor(pool, settings)

    def compute(self, tasks: list[Task]) -> list[Result]:
        """Return the results of all tasks."""
        return asyncio.run_coroutine_threadsafe(self._all(tasks), self._loop).result()

    async def _all(self, tasks: list[Task]) -> list[Result]:
        return [result async for results in self._executor.run(tasks) for result in results]


_station: Station | None = None
_making = threading.Lock()


def compute(tasks: bytes) -> bytes:
    """Compute a group of points: JSON in, JSON out, so that no object of a user is ever unpickled."""
    global _station
    with _making:
        if _station is None:
            _station = Station()
    results = _station.compute(json.loads(tasks))
    return json.dumps([dataclasses.asdict(one) for one in results]).encode()
