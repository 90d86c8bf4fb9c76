"""A wire between a browser and the service that is slow, cut or silent: a small proxy in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 64 * 1024


@dataclass
class Wire:
    """What the wire does; a test may change it while bytes are on their way."""

    host: str
    target_port: int
    piece_bytes: int = CHUNK_BYTES
    pause_s: float = 0.0
    cut_after_bytes: int | None = None  # of what the service says; then both sides are reset
    silent: bool = False  # bytes are taken and never arrive; nobody is told
    port: int = 0
    passed_bytes: int = 0
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.host, self.target_port)
        ways = (self.carry(reader, back, False), self.carry(there, writer, True))
        tasks = [asyncio.ensure_future(way) for way in ways]
        with suppress(asyncio.CancelledError):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for end in (writer, back):
            end.transport.abort()

    async def carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                for at in range(0, len(data), self.piece_bytes):
                    if self.silent:
                        break
                    sink.write(data[at : at + self.piece_bytes])
                    await sink.drain()
                    if self.pause_s:
                        await asyncio.sleep(self.pause_s)
                if answers:
                    self.passed_bytes += len(data)
                    if (
                        self.cut_after_bytes is not None
                        and self.passed_bytes > self.cut_after_bytes
                    ):
                        return


@contextmanager
def wire(target: str, **behaviour: object) -> Iterator[Wire]:
    """Run a wire to `target`, HOST:PORT, until the block ends."""
    host, port = target.split(":")
    between = Wire(host=host, target_port=int(port), **behaviour)  # type: ignore[arg-type]
    ready = threading.Event()

    async def run() -> None:
        server = await asyncio.start_server(between.serve, host, 0)
        between.port = server.sockets[0].getsockname()[1]
        ready.set()
        with suppress(asyncio.CancelledError):
            await server.serve_forever()

    def turn() -> None:
        asyncio.set_event_loop(between.loop)
        between.loop.run_until_complete(run())
        rest = asyncio.all_tasks(between.loop)
        for task in rest:
            task.cancel()
        between.loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        between.loop.close()

    thread = threading.Thread(target=turn)
    thread.start()
    assert ready.wait(10)
    try:
        yield between
    finally:
        between.loop.call_soon_threadsafe(
            lambda: [task.cancel() for task in asyncio.all_tasks(between.loop)]
        )
        thread.join(10)
