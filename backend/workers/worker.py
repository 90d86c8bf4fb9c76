"""One worker as the service sees it: a source of messages, every byte of which may be hostile."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from backend.wire.messages import WORKER_MESSAGE, WorkerMessage
from backend.workers.zygote import Child
from sandbox.protocol import (
    HEADER,
    Exit,
    MessageType,
    Outcome,
    ProtocolError,
    decode_frame,
    decode_header,
    encode_json,
)

LOG = logging.getLogger(__name__)
READ_BUFFER_BYTES = 64 * 1024
CONTROL_BUFFER_BYTES = 64 * 1024
LAST_WORD_S = 0.2
END_TIMEOUT_S = 5.0
# A worker that is not done by then gives way to younger ones, most of which are done sooner.
YOUNG_S = 0.1
OLD_NICENESS = 5  # less than the points of batches have


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A checked frame of rows, as it goes to the browser."""

    data: bytes
    count: int
    time_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a worker's process ended, told as an outcome and a sentence."""

    outcome: Outcome
    message: str
    how: str = ""  # for the log: the exit code or the signal


class Worker:
    """A forked worker; `receive` gives its messages until it ends or breaks the protocol."""

    def __init__(
        self, child: Child, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._child = child
        self._reader = reader
        self._writer = writer
        self._rows: int | None = None  # number of the next row, known after the first frame
        self._time_ns = 0
        self.json_bytes = 0
        self._aging = asyncio.get_running_loop().call_later(YOUNG_S, child.age, OLD_NICENESS)

    @classmethod
    async def attach(cls, child: Child) -> Worker:
        """Return the worker behind a forked child."""
        reader, writer = await asyncio.open_unix_connection(
            sock=child.control, limit=READ_BUFFER_BYTES
        )
        return cls(child, reader, writer)

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._child.pid

    async def give(self, task: dict[str, Any], timeout_s: float) -> None:
        """Send the task; waits until the worker has taken it. Raises OSError or TimeoutError."""
        self._writer.write(encode_json(task))
        async with asyncio.timeout(timeout_s):
            await self._writer.drain()

    async def ask(
        self, task: dict[str, Any], wall_s: float
    ) -> tuple[WorkerMessage | Frame | None, str]:
        """Give a task and return its first message; without one, how that came when it is not the process's end."""
        try:
            async with asyncio.timeout(wall_s):
                await self.give(task, wall_s)
                return await self.receive(), ""
        except TimeoutError:
            return None, Outcome.LIMIT_WALL
        except (ProtocolError, OSError) as problem:
            LOG.warning("worker %d broke the protocol: %s", self.pid, problem)
            return None, ""

    def tell(self, message: dict[str, Any]) -> None:
        """Send a small control message without waiting; a worker that reads none is killed."""
        if self._writer.is_closing():
            return
        self._writer.write(encode_json(message))
        if self._writer.transport.get_write_buffer_size() > CONTROL_BUFFER_BYTES:
            self.kill()

    def rewind(self) -> None:
        """Take note that what follows may be earlier, and bear as much talk as of a new worker."""
        self._time_ns = 0
        self.json_bytes = 0

    async def receive(self, from_row: int = 0) -> WorkerMessage | Frame | None:
        """Return the next message, or None when the worker has ended.

        `from_row` is the number that the next row must have. Raises ProtocolError.
        """
        try:
            length, kind = decode_header(await self._reader.readexactly(HEADER.size))
            payload = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        if kind is MessageType.FRAME:
            count, self._time_ns = decode_frame(payload, from_row, self._time_ns)
            return Frame(data=payload, count=count, time_ns=self._time_ns)
        self.json_bytes += length
        try:
            return WORKER_MESSAGE.validate_json(payload)
        except ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ProtocolError("bad-message", f"{where}: {first['msg']}") from None

    def halt(self) -> None:
        """Have the process stand still as it is."""
        self._child.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on."""
        self._child.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the process now, and whatever waits for its next message."""
        self._child.kill()
        self._writer.transport.abort()

    async def close(self) -> Ending:
        """End the process if it runs, give everything back, and say how it ended."""
        self._aging.cancel()
        self._writer.transport.abort()
        # A worker that said its last word is about to end by itself; any other is killed.
        ended = self._child.ended
        try:
            await asyncio.wait([ended], timeout=LAST_WORD_S)
            self._child.kill()
            await asyncio.wait([ended], timeout=END_TIMEOUT_S)
        finally:
            self._child.kill()
            self._child.forget()
        return ending(ended.result() if ended.done() else signal.SIGKILL)


def ending(status: int) -> Ending:
    """Map a wait status to the closed set of outcomes, for a worker that did not say its own."""
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGPROF, -signal.SIGXCPU):
        return Ending(outcome=Outcome.LIMIT_CPU, message="the run used up its processor time")
    if code == Exit.MEMORY:
        return Ending(outcome=Outcome.LIMIT_MEMORY, message="the run used up its memory")
    how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    return Ending(outcome=Outcome.CRASHED, message="the sandbox was stopped", how=how)
