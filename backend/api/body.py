"""The body of a request as it arrives: counted and timed, so that nothing is kept that is not wanted."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.settings import Settings
from backend.wire.errors import error_json

PAUSE_A_PART_S = 0.02  # between parts of a body that nobody reads


class Refused(Exception):
    """A body is longer than it may be, or takes longer to arrive."""


class Body:
    """Stands between the server and the application for one request."""

    def __init__(self, settings: Settings, receive: Receive, send: Send) -> None:
        self._limit_bytes = settings.body_bytes
        self._patience_s = settings.body_timeout_s
        self._until_s = asyncio.get_running_loop().time() + settings.body_timeout_s
        self._receive = receive
        self._send = send
        self._seen_bytes = 0
        self._complete = False
        self._answered = False
        self._refusal: JSONResponse | None = None

    async def serve(self, app: ASGIApp, scope: Scope) -> None:
        """Have `app` answer, or refuse in its place."""
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > self._limit_bytes:
            self._refusal = self._too_large()
        else:
            with contextlib.suppress(Refused):
                await app(scope, self._take, self._say)
        if self._refusal is not None and not self._answered:
            await self._let_finish()
            await self._refusal(scope, self._receive, self._send)

    async def _let_finish(self) -> None:
        """Throw away as much again as a body may have: who still sends may not hear an answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._until_s):
                while not self._complete and self._seen_bytes <= 2 * self._limit_bytes:
                    self._count(await self._receive())
                    await asyncio.sleep(PAUSE_A_PART_S)

    def _count(self, message: Message) -> None:
        self._seen_bytes += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)

    async def _take(self) -> Message:
        try:
            async with asyncio.timeout_at(None if self._complete else self._until_s):
                message = await self._receive()
        except TimeoutError:
            rule = f"a request has to arrive within {self._patience_s:g} s"
            self._refusal = _error(408, "too-slow", rule)
            raise Refused from None
        self._count(message)
        if self._seen_bytes > self._limit_bytes:
            self._refusal = self._too_large()
            raise Refused
        return message

    async def _say(self, message: Message) -> None:
        # The framework takes the exception for a client's bad body and answers; ours is the right one.
        if self._refusal is None or self._answered:
            self._answered = True
            await self._send(message)

    def _too_large(self) -> JSONResponse:
        return _error(413, "too-large", f"a request has at most {self._limit_bytes} bytes")


def _error(status: int, slug: str, message: str) -> JSONResponse:
    """Return the one shape; the rest of the body is not read, so the connection ends with it."""
    headers = {"connection": "close"}
    return JSONResponse(error_json(slug, message), status_code=status, headers=headers)
