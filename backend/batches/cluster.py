"""DaskExecutor: points on the workers of a Dask scheduler, some at a time; the database still owns every row."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence

from distributed import Client, Future, KilledWorker, Security, as_completed

from backend.batches.point import Result, Task, Unreachable, lost
from backend.batches.station import compute
from backend.settings import Settings
from sandbox.protocol import Outcome

LOG = logging.getLogger(__name__)


class DaskExecutor:
    """Sends groups of points as JSON; a group whose workers die again and again ends as rows."""

    name = "dask"
    places: int | None = None

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None

    async def run(self, tasks: Sequence[Task]) -> AsyncIterator[list[Result]]:
        """Yield the results of each group as it is done."""
        size = self._settings.batch_group
        groups = [tasks[start : start + size] for start in range(0, len(tasks), size)]
        if not groups:
            return
        client = await self._connected()
        futures: dict[Future, Sequence[Task]] = {
            client.submit(compute, json.dumps(list(group)).encode(), pure=False): group
            for group in groups
        }
        try:
            async for future in as_completed(list(futures), loop=client.loop):
                group = futures.pop(future)
                yield await self._gathered(future, group)
        finally:
            for future in futures:
                await future.cancel()

    async def _gathered(self, future: Future, group: Sequence[Task]) -> list[Result]:
        try:
            return [Result(**one) for one in json.loads(await future.result())]
        except KilledWorker:
            reason = "the workers that computed its group died"
        except Exception as problem:
            LOG.error("a group of points failed on the cluster: %s", type(problem).__name__)
            reason = "the cluster could not compute its group"
        return [lost(task, Outcome.CRASHED, reason) for task in group]

    async def _connected(self) -> Client:
        if self._client is None:
            settings = self._settings
            security = None
            if settings.scheduler_ca:
                security = Security(
                    tls_ca_file=str(settings.scheduler_ca),
                    tls_client_cert=str(settings.scheduler_cert),
                    tls_client_key=str(settings.scheduler_key),
                    require_encryption=True,
                )
            try:
                self._client = await Client(
                    settings.scheduler, asynchronous=True, security=security, set_as_default=False
                )
            except OSError as problem:
                LOG.error("the scheduler cannot be reached: %s", type(problem).__name__)
                raise Unreachable("the cluster that computes sweeps cannot be reached") from None
        return self._client

    async def close(self) -> None:
        """Let go of the scheduler."""
        if self._client is not None:
            await self._client.close()
