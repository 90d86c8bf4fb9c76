"""Batches: makes, runs, stops and finds them. The database owns their state and every result."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import secrets
import time
import zlib
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from starlette.concurrency import run_in_threadpool

from backend.batches.batch import Batch
from backend.batches.custody import BEAT_S, Custody
from backend.batches.point import NOT_FINAL, Executor, Result, Unreachable, task_of, unpacked
from backend.settings import Settings
from backend.store.base import Store, StoredBatch, StoredPoint, StoreError
from backend.wire.batches import BatchRequest
from backend.wire.errors import ApiError
from backend.wire.messages import Planned

LOG = logging.getLogger(__name__)
DAY_S = 86_400
ID_BYTES = 16
POINT_OVERHEAD_MS = 3  # its messages and its row in the store, by benchmarks/batches.py
# Points of finished batches that stay in memory, a kilobyte each; others are read again when somebody asks.
KEPT_POINTS = 20_000
STORE_TRIES = 5
STORE_PAUSE_S = 0.5


class Batches:
    """All batches of one service."""

    def __init__(self, store: Store, executor: Executor, settings: Settings) -> None:
        self._store = store
        self._executor = executor
        self._settings = settings
        self._custody = Custody(store)
        self._known: dict[str, Batch] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._making = asyncio.Lock()  # from asking for a quota until it is used
        self._purged_s = 0

    async def start(self) -> None:
        """Go on with what no service computes, now and from now on, and let go of what is old."""
        await self._purge()
        await self._look()
        self._watch = asyncio.create_task(self._watching())

    async def close(self) -> None:
        """Stop computing; what is unfinished goes on at another service or at the next start."""
        tasks = [*self._tasks.values(), *([self._watch] if self._watch else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreError):
            await self._custody.release()
        await self._executor.close()

    async def _purge(self) -> None:
        """Let go of batches that are old, and of rows that no batch has used for as long; once a day."""
        now_s = int(time.time())
        if now_s - self._purged_s < DAY_S:
            return
        self._purged_s = now_s
        since_s = now_s - self._settings.batch_days * DAY_S
        await run_in_threadpool(self._store.batches.purge, since_s)
        await run_in_threadpool(self._store.points.purge, since_s)

    async def _watching(self) -> None:
        away = False
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self._look()
                await self._purge()
                away = False
            except StoreError as problem:
                if not away:
                    LOG.warning("batches cannot be looked after: %s", problem)
                away = True
            except Exception:
                LOG.exception("a mistake in looking after batches")

    async def _look(self) -> None:
        """Keep what is this service's, leave what is not, take what is nobody's, and hear of the rest."""
        computed = set(self._tasks)
        own = await self._custody.beat()
        for batch_id in computed - own:
            await self._stop(batch_id)
        for batch_id in [*(own - self._tasks.keys()), *await self._custody.adopt()]:
            batch = await self.find(batch_id)
            if batch is not None and batch.state not in ("done", "cancelled"):
                self._go(batch)
        for batch_id, batch in [*self._known.items()]:
            if batch_id not in self._tasks and not batch.ended:
                await self._hear(batch)

    async def _hear(self, batch: Batch) -> None:
        """Ask the database how far another service is with a batch."""
        stored = await run_in_threadpool(self._store.batches.get, batch.stored.batch_id)
        if stored is not None:
            outcomes = await run_in_threadpool(self._store.points.outcomes, batch.unsettled())
            batch.told_by(stored, outcomes)

    async def make(
        self, request: BatchRequest, plan: Planned, client: str, token: str | None
    ) -> tuple[Batch, bool]:
        """Store a planned batch and begin; with a token that was used, return that batch."""
        body = json.dumps(request.model_dump(mode="json")).encode()
        if token is not None:
            token = hashlib.sha256(f"{client}\0{token}".encode()).hexdigest()
            used = await run_in_threadpool(self._store.batches.by_token, token)
            if used is not None:
                return await self._again(used, body), False
        async with self._making:
            self._check_quota(client, plan.count)
            return await self._begin(body, plan, client, token)

    async def _begin(
        self, body: bytes, plan: Planned, client: str, token: str | None
    ) -> tuple[Batch, bool]:
        stored = StoredBatch(
            batch_id=secrets.token_urlsafe(ID_BYTES),
            body=zlib.compress(body),
            plan=zlib.compress(plan.model_dump_json().encode()),
            client=client,
            token=token,
            state="queued",
            created_s=int(time.time()),
            keeper=self._custody.name,
        )
        if not await run_in_threadpool(self._store.batches.put, stored):
            used = await run_in_threadpool(self._store.batches.by_token, token or "")
            assert used is not None, "only a token can be there already"
            return await self._again(used, body), False
        batch = self._keep(Batch(stored, self._executor.name))
        self._go(batch)
        return batch, True

    async def _again(self, used: StoredBatch, body: bytes) -> Batch:
        if zlib.decompress(used.body) != body:
            raise ApiError(
                422, "key-reused", "this Idempotency-Key was used for another batch",
                "take a new key for a new batch",
            )  # fmt: skip
        batch = await self.find(used.batch_id)
        assert batch is not None
        return batch

    def _check_quota(self, client: str, count: int) -> None:
        settings = self._settings
        if count > settings.batch_points:
            raise ApiError(
                422, "sweep-too-large",
                f"the batch has {count:,} points, the limit is {settings.batch_points:,}",
                "take fewer values or seeds, or a Latin hypercube",
            )  # fmt: skip
        live = [one for one in self._known.values() if not one.ended]
        own = sum(one.stored.client == client for one in live)
        if own >= settings.batches_per_client:
            raise ApiError(
                429, "too-many-batches",
                f"{own} batches of this address are not finished, the limit is {settings.batches_per_client}",
                "wait for one to finish, or cancel it",
            )  # fmt: skip
        queued = sum(one.plan.count - len(one.keys) for one in live)
        if queued + count > settings.batch_points_waiting:
            raise ApiError(
                503, "busy", f"{queued:,} points of all clients wait already", "try again later",
                retry_s=60,
            )  # fmt: skip

    def estimate_s(self, plan: Planned) -> float | None:
        """Return how long a plan takes when nothing else runs, or None where that is not known."""
        if not plan.ok or self._executor.places is None:
            return None
        point_ms = plan.point_ms + POINT_OVERHEAD_MS
        return round(plan.count * point_ms / 1000 / self._executor.places, 2)

    async def find(self, batch_id: str) -> Batch | None:
        """Return a batch, from memory or from the database."""
        if batch_id in self._known:
            batch = self._known[batch_id]
            if batch_id not in self._tasks and (batch.state != "done" or batch.unsettled()):
                # Another may have gone on with it, or with its points; without the database, what is known is told.
                with contextlib.suppress(StoreError):
                    await self._hear(batch)
            return batch
        stored = await run_in_threadpool(self._store.batches.get, batch_id)
        if stored is None:
            return None
        batch = Batch(stored, self._executor.name)
        keys = [point.key for point in batch.plan.points]
        outcomes = self._store.points.outcomes
        batch.known(await run_in_threadpool(outcomes, keys))
        batch.cached = len(await run_in_threadpool(outcomes, keys, stored.created_s))
        return self._keep(batch)

    def _keep(self, batch: Batch) -> Batch:
        room = KEPT_POINTS
        for batch_id, held in reversed([*self._known.items()]):
            room -= held.plan.count if held.ended else 0
            if room < 0 and held.ended:
                del self._known[batch_id]
        return self._known.setdefault(batch.stored.batch_id, batch)

    async def results(self, keys: list[str]) -> Mapping[str, Result]:
        """Return the results that are there."""
        found = await run_in_threadpool(self._store.points.get, keys)
        return {one.key: unpacked(one.key, one.body) for one in found}

    async def cancel(self, batch: Batch) -> None:
        """Stop a batch; its rows stay."""
        await self._stop(batch.stored.batch_id)
        if not batch.ended:
            await self._move(batch, "cancelled")

    async def _stop(self, batch_id: str) -> None:
        """Compute no more points of a batch."""
        task = self._tasks.pop(batch_id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def resume(self, batch: Batch, client: str) -> None:
        """Go on with points that are missing or may come out otherwise; nothing happens where there are none."""
        async with self._making:
            missing = len(batch.unsettled())
            if not batch.ended or (batch.state == "done" and not missing):
                return
            self._check_quota(client, missing)
            await self._move(batch, "queued")
        if await self._custody.claim(batch.stored.batch_id):
            self._go(batch)

    def _go(self, batch: Batch) -> None:
        batch_id = batch.stored.batch_id
        if batch_id in self._tasks:
            return
        task = asyncio.create_task(self._run(batch))
        self._tasks[batch_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(batch_id, None))

    async def _run(self, batch: Batch) -> None:
        try:
            await self._compute(batch)
        except StoreError as problem:
            LOG.error("a batch was interrupted: %s", problem)
            batch.move("interrupted", int(time.time()), "the database was away for too long")
        except Unreachable as problem:
            await self._interrupt(batch, str(problem))
        except Exception:
            LOG.exception("a batch was interrupted by a mistake of the service")
            await self._interrupt(batch, "the service made a mistake, which is in its log")

    async def _interrupt(self, batch: Batch, reason: str) -> None:
        """Stop, and tell the database, so that nobody takes the batch and meets the same."""
        with contextlib.suppress(StoreError):
            await self._move(batch, "interrupted")
        batch.move("interrupted", int(time.time()), reason)

    async def _compute(self, batch: Batch) -> None:
        await self._move(batch, "running")
        todo = await self._todo(batch)
        request = batch.request
        tasks = [task_of(request, batch.plan, point) for point in todo]
        async with aclosing(self._executor.run(tasks)) as found:  # type: ignore[type-var]
            async for results in found:
                await self._store_results(results)
                batch.take({result.key: result.outcome for result in results})
        await self._move(batch, "done")

    async def _todo(self, batch: Batch) -> list[Any]:
        """Return the points without a final row; what others computed before counts as done."""
        keys = [point.key for point in batch.plan.points]
        outcomes = await run_in_threadpool(self._store.points.outcomes, keys)
        final = {key: one for key, one in outcomes.items() if one not in NOT_FINAL}
        batch.keep_only(final)
        batch.known(final)
        await self._patiently(self._store.points.use, list(final), int(time.time()))
        batch.tell()
        return [point for point in batch.plan.points if point.key not in final]

    async def _store_results(self, results: list[Result]) -> None:
        now_s = int(time.time())
        points = [
            StoredPoint(key=one.key, body=one.packed(), outcome=one.outcome, created_s=now_s)
            for one in results
        ]
        await self._patiently(self._store.points.put, points)

    async def _move(self, batch: Batch, state: str) -> None:
        at_s = int(time.time())
        await self._patiently(self._store.batches.move, batch.stored.batch_id, state, at_s)
        batch.move(state, at_s)

    async def _patiently(self, act: Any, *given: Any) -> None:
        """Write to the database, which may be restarting."""
        for attempt in range(STORE_TRIES):
            try:
                await run_in_threadpool(act, *given)
                return
            except StoreError:
                if attempt == STORE_TRIES - 1:
                    raise
                await asyncio.sleep(STORE_PAUSE_S * 2**attempt)
