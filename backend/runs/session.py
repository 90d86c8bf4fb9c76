"""One browser's conversation: reads its messages, keeps its one current run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from backend.runs.live import LiveRun
from backend.runs.outbox import ClientGone, Outbox
from backend.settings import Settings
from backend.wire.errors import ApiError
from backend.wire.problems import first_problem
from backend.wire.requests import (
    CLIENT_MESSAGE,
    MENTIONED,
    ClientMessage,
    Credit,
    LiveEvent,
    Pause,
    Resume,
    Start,
    Step,
    Stop,
)
from backend.workers.pool import Pool
from sandbox.protocol import ProtocolError, event_from_json, job_from_json

LOG = logging.getLogger(__name__)
POLICY_VIOLATION = 1008
# Whoever makes mistakes is listened to more slowly, so that sending nothing else costs the others little.
PAUSE_AN_ERROR_S = 0.02
INTERNAL_ERROR = 1011


class Session:
    """Serves one WebSocket until it closes; a start supersedes the run before it."""

    def __init__(
        self,
        socket: WebSocket,
        client: str,
        pool: Pool,
        settings: Settings,
        spend: Callable[[str], None],
    ) -> None:
        self._socket = socket
        self._client = client
        self._pool = pool
        self._settings = settings
        self._spend = spend  # raises when the client starts too many runs
        self._outbox = Outbox(socket, settings.send_timeout_s)
        self._run: LiveRun | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Talk until the browser leaves; whatever happens, no worker outlives this."""
        try:
            while (errors := self._outbox.errors) < self._settings.errors_per_socket:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._take(message.get("text"))
                if self._outbox.errors > errors:
                    await asyncio.sleep(PAUSE_AN_ERROR_S * self._outbox.errors)
            await self._close(POLICY_VIOLATION, "too many errors")
        except ClientGone:
            await self._close(POLICY_VIOLATION, "the browser takes nothing")
        finally:
            await self._drop_run()

    async def _take(self, text: str | None) -> None:
        if text is None:
            await self._outbox.error(None, "bad-message", "messages are JSON text, not binary")
            return
        try:
            message = CLIENT_MESSAGE.validate_json(text)
        except ValidationError as problem:
            await self._outbox.error(_run_id(text), "bad-message", first_problem(problem))
            return
        if not isinstance(message, Start) and len(text) > self._settings.control_bytes:
            await self._outbox.error(message.id, "too-large", "the message is too large")
            return
        try:
            await self._obey(message)
        except ProtocolError as refused:
            await self._outbox.error(message.id, refused.slug, refused.message)
        except ApiError as refused:
            told = refused.body
            await self._outbox.error(message.id, told.slug, told.message, told.hint)

    async def _obey(self, message: ClientMessage) -> None:
        if isinstance(message, Start):
            await self._start(message)
            return
        run = self._run
        if run is None or run.run_id != message.id:
            await self._outbox.error(
                message.id, "unknown-run", "this run is not, or no longer, the current one"
            )
            return
        match message:
            case Credit(rows=rows):
                run.add_credit(rows)
            case Step(rows=rows):
                run.step(rows)
            case Pause():
                run.pause()
            case Resume():
                run.resume()
            case Stop():
                run.stop()
            case LiveEvent(event=event):
                if not run.add_event(event_from_json(event)):
                    raise ProtocolError("bad-event", "the run takes no more events")

    async def _start(self, message: Start) -> None:
        fields = message.model_dump(exclude={"op", "id", "from_row", "credit"})
        job = job_from_json(fields)
        self._spend(self._client)
        await self._drop_run()
        self._run = LiveRun(
            run_id=message.id,
            job=job,
            from_row=message.from_row,
            credit=message.credit,
            client=self._client,
            pool=self._pool,
            outbox=self._outbox,
            settings=self._settings,
        )
        self._task = asyncio.create_task(self._run.drive())
        self._task.add_done_callback(self._driven)

    def _driven(self, task: asyncio.Task[None]) -> None:
        """Close after a run that lost its browser, or met a mistake of ours."""
        if task.cancelled():
            return
        problem = task.exception()
        if problem is None:
            return
        code = POLICY_VIOLATION
        if not isinstance(problem, ClientGone):
            LOG.error("a run failed", exc_info=problem)
            code = INTERNAL_ERROR
        self._closing = asyncio.create_task(self._close(code, "the run's connection failed"))

    async def _drop_run(self) -> None:
        """End the current run and its worker."""
        task, self._task, self._run = self._task, None, None
        while task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task], timeout=1)

    async def _close(self, code: int, reason: str) -> None:
        message: dict[str, Any] = {"type": "websocket.close", "code": code, "reason": reason}
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._socket.send(message)


def _run_id(text: str) -> int | str | None:
    """Return the run that a message we do not understand is about, when it says so."""
    with contextlib.suppress(ValueError):
        return MENTIONED.validate_json(text).id
    return None
