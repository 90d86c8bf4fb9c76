"""A worker that has been taken over can end its own run, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from dataclasses import replace
from typing import Any

import pytest

from backend.metrics import Metrics
from backend.runs.live import LiveRun
from backend.runs.outbox import Outbox
from backend.settings import Settings
from backend.workers.slots import Slots
from backend.workers.worker import Worker
from backend.workers.zygote import Child
from sandbox.protocol import HEADER, ROW, ROWS_PER_FRAME_MAX, Job, encode_frame, encode_json

DIAGNOSED = encode_json({"op": "diagnostics", "ok": True, "diagnostics": []})
STARTED = encode_json(
    {
        "op": "started",
        "seed": 1,
        "duration_ns": 1,
        "places": [],
        "flows": [],
        "programs": {},
        "params": [],
        "engine": "x",
    }
)
OPENING = DIAGNOSED + STARTED


def row(time_ns: int = 0) -> bytes:
    return ROW.pack(time_ns, 1, 1, 0, 0, 0, 0, 0, 0)


class Browser:
    """Takes what the service sends, in place of a WebSocket."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.rows = 0

    async def send(self, message: dict[str, Any]) -> None:
        if "text" in message:
            self.messages.append(json.loads(message["text"]))
        else:
            self.rows += (len(message["bytes"]) - 16) // ROW.size


class Prison:
    """A pool whose one worker says what the test wants, and is killed by the closed socket."""

    def __init__(self, said: bytes) -> None:
        self.said = said
        self.runs = Slots(1, 1, 1)
        self.metrics = Metrics()

    async def worker(self, cpu_ms: int, memory_bytes: int) -> Worker:
        ours, theirs = socket.socketpair()
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def talk() -> None:
            reader, writer = await asyncio.open_unix_connection(sock=theirs)
            with contextlib.suppress(OSError):
                writer.write(self.said)
                await writer.drain()
                while await reader.read(1 << 16):
                    pass
            writer.close()
            ended.set_result(signal.SIGKILL)

        self.task = asyncio.create_task(talk())
        return await Worker.attach(Child(pid=0, pidfd=-1, control=ours, ended=ended))


def run_with(said: bytes, **settings: Any) -> Browser:
    """Run a job whose worker says this; return what the browser got once the run has finished."""

    async def drive() -> Browser:
        browser = Browser()
        limits = replace(Settings(), stall_s=0.3, run_wall_s=0.3, **settings)
        run = LiveRun(
            run_id=1,
            job=Job(scenario=""),
            from_row=0,
            credit=100,
            client="x",
            pool=Prison(said),  # type: ignore[arg-type]
            outbox=Outbox(browser, 1.0),  # type: ignore[arg-type]
            settings=limits,
        )
        task = asyncio.create_task(run.drive())
        async with asyncio.timeout(10):
            while not any(message["op"] == "finished" for message in browser.messages):
                assert not task.done(), task.exception()
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        return browser

    return asyncio.run(drive())


@pytest.mark.parametrize(
    "said",
    (
        b"\xff" * 100,
        HEADER.pack(2**32 - 1, 0),
        encode_frame(0, row()),
        OPENING + encode_frame(5, row()),
        OPENING + encode_frame(0, row() * 101),
        OPENING + encode_frame(0, row() * ROWS_PER_FRAME_MAX),
        OPENING + encode_frame(0, row(5)) + encode_frame(1, row(4)),
        OPENING + encode_frame(0, row()) + encode_frame(0, row()),
        OPENING + encode_json({"op": "rewound", "row": 7}),
        OPENING + encode_frame(0, row()) + encode_json({"op": "rewound", "row": 0}),
        OPENING + encode_json({"op": "anew"}),
        OPENING + encode_json({"op": "error", "error": {"slug": "bad-event", "message": "no"}}),
        OPENING + encode_json({"op": "library", "programs": []}),
        OPENING + encode_json({"op": "finished", "outcome": "ok"}),
        OPENING + encode_json({"op": "busy", "position": 0, "seconds": 0}),
        OPENING + encode_json({"op": "progress", "time_ns": 0, "rows": 0, "packets": 0}) * 2000,
    ),
)
def test_a_breach_of_the_protocol_ends_the_run_as_crashed(said: bytes) -> None:
    browser = run_with(said, run_json_bytes=100_000)
    assert browser.messages[-1]["op"] == "finished"
    assert browser.messages[-1]["outcome"] == "crashed"
    assert browser.messages[-1]["fault"]["message"] == "the sandbox was stopped"
    assert browser.rows <= 100


def test_a_worker_that_says_nothing_ends_at_the_wall() -> None:
    assert run_with(b"").messages[-1]["outcome"] == "limit-wall"
    assert run_with(OPENING + HEADER.pack(1000, 0)).messages[-1]["outcome"] == "limit-wall"
