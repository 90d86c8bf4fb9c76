"""WS /api/run: one browser, one current run."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from backend.api.client import client_of
from backend.api.errors import answer_of
from backend.runs.outbox import ClientGone, Outbox
from backend.runs.session import Session
from backend.state import State
from backend.wire.errors import ApiError

router = APIRouter()
TRY_AGAIN_LATER = 1013


@router.websocket("/api/run")
async def run(socket: WebSocket) -> None:
    """Serve one browser."""
    state: State = socket.app.state.service
    client = client_of(socket)
    try:
        state.allowances.sockets.spend(client)
    except ApiError as refused:
        await socket.send_denial_response(answer_of(refused))
        return
    await socket.accept()
    if not state.enter(client):
        try:
            outbox = Outbox(socket, 1.0)
            await outbox.error(None, "too-many-sockets", "too many pages are open at once")
            await socket.close(TRY_AGAIN_LATER)
        except ClientGone:
            return
        return
    try:
        session = Session(socket, client, state.pool, state.settings, state.allowances.runs.spend)
        await session.serve()
    finally:
        state.leave(client)
