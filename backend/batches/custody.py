"""Custody: of the services on one database, which one computes a batch.

A service says every two seconds that it lives. What one leaves, by ending or by falling silent, another takes, the same
one after a restart included. Two that compute the same batch for a moment harm nothing: a point has one row, whoever
computes it.
"""

from __future__ import annotations

import secrets

from starlette.concurrency import run_in_threadpool

from backend.store.base import Store

BEAT_S = 2.0
SILENT_S = 8


class Custody:
    """The part of one service; its name is new at every start."""

    def __init__(self, store: Store) -> None:
        self._batches = store.batches
        self.name = secrets.token_urlsafe(12)

    async def beat(self) -> set[str]:
        """Say that this service lives; return the ids of the unfinished batches that are its own."""
        return await run_in_threadpool(self._batches.kept, self.name)

    async def adopt(self) -> list[str]:
        """Take all batches that nobody computes; return their ids, oldest first."""
        free = await run_in_threadpool(self._batches.free, SILENT_S)
        return [batch_id for batch_id in free if await self.claim(batch_id)]

    async def claim(self, batch_id: str) -> bool:
        """Take one batch; False when another service has it."""
        return await run_in_threadpool(self._batches.claim, batch_id, self.name, SILENT_S)

    async def release(self) -> None:
        """Leave all batches to whoever comes next."""
        await run_in_threadpool(self._batches.release, self.name)
