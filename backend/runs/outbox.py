"""The way to one browser: messages go out one at a time, each within a time-out.

Nothing is queued here. Whoever sends waits, so that a slow browser slows its own run down and
nothing grows; one that takes nothing for too long is gone.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from backend.wire.errors import error_json


class ClientGone(Exception):
    """The browser has left, or takes nothing any more."""


class Outbox:
    """Sends to one WebSocket."""

    def __init__(self, socket: WebSocket, timeout_s: float) -> None:
        self._socket = socket
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self.errors = 0

    async def send(self, message: dict[str, Any]) -> None:
        """Send a JSON message. Raises ClientGone."""
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        await self._send({"type": "websocket.send", "text": text})

    async def send_frame(self, data: bytes) -> None:
        """Send a frame of rows. Raises ClientGone."""
        await self._send({"type": "websocket.send", "bytes": data})

    async def error(
        self, run_id: int | str | None, slug: str, message: str, hint: str | None = None
    ) -> None:
        """Tell an error in the one shape."""
        self.errors += 1
        await self.send({"op": "error", "id": run_id, **error_json(slug, message, hint)})

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._timeout_s), self._turn:
                await self._socket.send(message)
        except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError) as problem:
            raise ClientGone(type(problem).__name__) from None
