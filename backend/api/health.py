"""GET /api/health: whether runs can be had, and how busy it is."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from backend.state import State

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """`locked` tells whether every layer of the sandbox is on; `absent` layers this machine lacks."""

    status: Literal["ok", "degraded"]
    locked: bool
    absent: list[str]
    probes: int
    zygote: bool
    live_runs: int
    waiting_runs: int
    sockets: int


@router.get("/api/health", summary="Whether runs can be had")
async def health(request: Request) -> Health:
    """Return the state of the pool; a dead zygote is replaced by the next run."""
    state: State = request.app.state.service
    lock = state.pool.lock
    alive = state.pool.zygote_pid is not None
    return Health(
        status="ok" if alive else "degraded",
        locked=lock.ok if lock is not None else False,
        absent=list(lock.absent) if lock is not None else [],
        probes=lock.probes if lock is not None else 0,
        zygote=alive,
        live_runs=state.pool.runs.held,
        waiting_runs=state.pool.runs.waiting,
        sockets=state.sockets,
    )
