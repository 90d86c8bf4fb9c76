"""The pool: a zygote that is replaced when it dies, and the places for runs and checks."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from backend.metrics import Metrics
from backend.settings import Settings
from backend.wire.errors import ApiError
from backend.wire.messages import Finished, WorkerError, WorkerMessage
from backend.workers.slots import QueueFull, Slots
from backend.workers.worker import Frame, Worker
from backend.workers.zygote import Lock, Unavailable, Zygote

LOG = logging.getLogger(__name__)


class Pool:
    """Gives workers; made once per service."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self.metrics = metrics
        self._zygote: Zygote | None = None
        self._starting = asyncio.Lock()
        self.lock: Lock | None = None
        self.runs = Slots(settings.live_runs, settings.live_runs_per_client, settings.queue)
        self.checks = Slots(settings.checks, settings.checks, settings.queue)

    async def start(self) -> None:
        """Start the zygote. Raises Unavailable when it cannot, or when a layer is off."""
        zygote = Zygote(self._settings)
        try:
            lock = await zygote.ready()
        except BaseException:
            zygote.close()
            raise
        if lock.absent:
            LOG.warning("this machine has no %s; the other layers are on", ", ".join(lock.absent))
        if not lock.ok:
            failures = "; ".join(lock.failures)
            if not self._settings.allow_unlocked:
                zygote.close()
                raise Unavailable(
                    f"the sandbox is not locked ({failures}); for development only, "
                    "--allow-unlocked serves anyway"
                )
            LOG.warning("serving UNLOCKED, for development only: %s", failures)
        self._zygote = zygote
        self.lock = lock
        self.metrics.zygote_started()

    @property
    def zygote_pid(self) -> int | None:
        """The zygote's process id while it lives."""
        return self._zygote.pid if self._zygote is not None and self._zygote.alive else None

    def close(self) -> None:
        """End the zygote and every worker."""
        if self._zygote is not None:
            self._zygote.close()

    async def worker(self, cpu_ms: int, memory_bytes: int, nice: int = 0) -> Worker:
        """Return a fresh locked worker; a dead zygote is replaced first. Raises Unavailable."""
        for attempt in (1, 2):
            async with self._starting:
                if self._zygote is None or not self._zygote.alive:
                    if self._zygote is not None:
                        LOG.error("the zygote has ended; starting another")
                        self._zygote.close()
                    await self.start()
                zygote = self._zygote
            assert zygote is not None, "start leaves a zygote or raises"
            try:
                return await Worker.attach(await zygote.fork(cpu_ms, memory_bytes, nice))
            except Unavailable:
                if attempt == 2:
                    raise
        raise AssertionError("the second attempt returns or raises")

    async def ask(self, task: dict[str, Any], client: str) -> WorkerMessage:
        """Return the one answer to a short task such as a check. Raises ApiError."""
        settings = self._settings
        try:
            await self.checks.acquire(client)
        except QueueFull as full:
            raise ApiError(
                503, "busy", str(full), f"try again in {full.wait_s} s", retry_s=full.wait_s
            ) from None
        try:
            worker = await self.worker(settings.check_cpu_ms, settings.check_memory_bytes)
        except Unavailable as problem:
            self.checks.release(client)
            LOG.error("no worker: %s", problem)
            raise ApiError(503, "no-worker", "no sandbox can be started") from None
        except BaseException:
            self.checks.release(client)
            raise
        try:
            answer, slug = await worker.ask(task, settings.check_wall_s)
        finally:
            end = await worker.close()
            self.checks.release(client)
        if isinstance(answer, WorkerError):
            raise ApiError(422, answer.error.slug, answer.error.message, answer.error.hint)
        if isinstance(answer, Finished):
            raise ApiError(422, str(answer.outcome), f"the check ended with {answer.outcome}")
        if answer is None or isinstance(answer, Frame):
            slug = slug or str(end.outcome)
            raise ApiError(422, slug, f"the check ended with {slug}: {end.message}")
        return answer
