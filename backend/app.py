"""create_app(settings): wiring, nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

from fastapi import FastAPI

from backend.api import batches as batches_room
from backend.api import check, errors, health, page, runs, shares, shelf
from backend.api.guard import Guard
from backend.api.watch import Watch
from backend.batches.keeper import Batches
from backend.batches.local import LocalExecutor
from backend.batches.point import Executor
from backend.metrics import Metrics, Unbound
from backend.settings import Settings
from backend.shares.keeper import Keeper
from backend.state import State
from backend.store.base import StoreError
from backend.store.open import SqlStore, open_store
from backend.wire.errors import ApiError
from backend.wire.schema import add_socket
from backend.workers.pool import Pool
from backend.workers.zygote import Unavailable


def _executor(pool: Pool, settings: Settings) -> Executor:
    if not settings.scheduler:
        return LocalExecutor(pool, settings)
    try:
        from backend.batches.cluster import DaskExecutor  # an extra; it takes long to import
    except ImportError:
        raise Unavailable(
            "QDISC_SCHEDULER needs Dask: pip install -r requirements/cluster.txt"
        ) from None
    return DaskExecutor(settings)


def _store(settings: Settings) -> SqlStore:
    return open_store(settings.database_url, settings.state_dir, settings.start_timeout_s)


def create_app(settings: Settings) -> FastAPI:
    """Return the service; its zygote starts and ends with the app's lifespan."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = Pool(settings, metrics)
        try:
            with (
                closing(_store(settings)) as store,
                metrics.served(settings.metrics_host, settings.metrics_port),
            ):
                keeper = Keeper(store, settings)
                keeper.purge()
                await pool.start()
                batches = Batches(store, _executor(pool, settings), settings)
                app.state.service = State(settings, pool, keeper, batches)
                await app.state.service.load()
                app.state.service.watched_by(metrics)
                await batches.start()
                try:
                    yield
                finally:
                    await batches.close()
        except (Unavailable, ApiError, StoreError, Unbound) as problem:
            app.state.problem = str(problem)
            raise
        finally:
            pool.close()

    app = FastAPI(
        title="Qdisc Playground",
        version="0.1.0",
        description="Check and run packet schedulers. Runs speak over the WebSocket /api/run.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=errors.ERROR_REPLIES,
    )
    app.state.settings = settings
    app.state.problem = ""
    errors.install(app)
    for room in (runs, check, shares, batches_room, shelf, health):
        app.include_router(room.router)
    page.install(app)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Watch, settings=settings, metrics=metrics)
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        return add_socket(plain())

    app.openapi = openapi  # type: ignore[method-assign]
    return app
