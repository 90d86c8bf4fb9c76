"""What a browser does, good or bad: asyncio clients that speak to a real service, each from an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from sandbox.protocol import FRAME, ROW
from tests.backend.service import FIFO, inputs

CREDIT_ROWS = 65_536  # what the page gives
ANSWER_S = 120.0
GONE = (OSError, WebSocketException, TimeoutError)
FLOOD = FIFO.replace("1000)", "1000)\nm = HashMap(max_entries=1000000)\nn = 0").replace(
    "    if not queue.push",
    "    global n\n    for i in range(10000):\n        n += 1\n        m.update(n, n)\n    if not queue.push",
)


@dataclass
class Tally:
    """What one good browser has seen."""

    starts: list[tuple[float, float]] = field(default_factory=list)  # when, and seconds it took
    rows: int = 0
    frames: int = 0
    runs: int = 0
    busy: int = 0
    failed: int = 0


def opened(host: str, address: str, **options: Any) -> Any:
    """Return a connection as from another machine: the service trusts this one as a proxy."""
    return connect(
        f"ws://{host}/api/run",
        additional_headers={"x-forwarded-for": address},
        max_size=None,
        compression=None,
        open_timeout=ANSWER_S,
        ping_interval=None,
        **options,
    )


async def run_once(socket: ClientConnection, number: int, duration: str, tally: Tally) -> None:
    """Start a run, take every row, give credit as the page does, until it has finished."""
    begun_s = time.perf_counter()
    job = inputs(duration)
    await socket.send(json.dumps({"op": "start", "id": number, "credit": CREDIT_ROWS, **job}))
    owed = 0
    while True:
        data = await asyncio.wait_for(socket.recv(), ANSWER_S)
        if isinstance(data, bytes):
            count = (len(data) - FRAME.size) // ROW.size
            tally.rows += count
            tally.frames += 1
            owed += count
            if owed >= CREDIT_ROWS // 4:
                await socket.send(json.dumps({"op": "credit", "id": number, "rows": owed}))
                owed = 0
            continue
        message = json.loads(data)
        match message["op"]:
            case "started":
                tally.starts.append((begun_s, time.perf_counter() - begun_s))
            case "busy":
                tally.busy += 1
            case "finished":
                good = message["outcome"] == "ok"
                tally.runs += good
                tally.failed += not good
                return


async def browse(
    host: str, address: str, tally: Tally, until_s: float, duration: str, think_s: float
) -> None:
    """Be a person: run, look at it for a while, run again."""
    dice = random.Random(address)
    await asyncio.sleep(dice.uniform(0, think_s))
    while time.perf_counter() < until_s:
        try:
            async with opened(host, address) as socket:
                number = 0
                while time.perf_counter() < until_s:
                    number += 1
                    await run_once(socket, number, duration, tally)
                    await asyncio.sleep(dice.uniform(0.5, 1.5) * think_s)
        except GONE:
            tally.failed += 1
            await asyncio.sleep(1)


async def attack(host: str, address: str, kind: str, until_s: float) -> None:
    """Do one bad thing again and again; a refusal only makes it start over."""
    while time.perf_counter() < until_s:
        with contextlib.suppress(*GONE, httpx.HTTPError):
            await asyncio.wait_for(ATTACKS[kind](host, address), until_s - time.perf_counter() + 1)
        await asyncio.sleep(0.05)


async def computes(host: str, address: str) -> None:
    """Use up the processor time of a run."""
    async with opened(host, address) as socket:
        job = {**inputs("3600s"), "trace": False}
        await socket.send(json.dumps({"op": "start", "id": 1, "credit": 0, **job}))
        while b"finished" not in (await socket.recv(decode=False))[:2000]:
            pass


async def floods_memory(host: str, address: str) -> None:
    """Use up the memory of a run."""
    async with opened(host, address) as socket:
        job = {**inputs("10s", FLOOD), "trace": False}
        await socket.send(json.dumps({"op": "start", "id": 1, "credit": 0, **job}))
        while b"finished" not in (await socket.recv(decode=False))[:2000]:
            pass


async def reads_nothing(host: str, address: str) -> None:
    """Ask for every row and take none."""
    async with opened(host, address, max_queue=1) as socket:
        await socket.send(json.dumps({"op": "start", "id": 1, "credit": 10**9, **inputs("3600s")}))
        await asyncio.sleep(20)


async def talks_nonsense(host: str, address: str) -> None:
    """Send what is no message until the service hangs up."""
    async with opened(host, address) as socket:
        for _ in range(1000):
            await socket.send("[" * 50_000)
            await socket.recv()


async def starts_over(host: str, address: str) -> None:
    """Supersede each run by the next as fast as it can be said."""
    async with opened(host, address) as socket:
        for number in range(200):
            job = inputs("3600s")
            await socket.send(json.dumps({"op": "start", "id": number, "credit": 10**9, **job}))
            await socket.recv()


async def comes_and_goes(host: str, address: str) -> None:
    """Connect and vanish."""
    for _ in range(20):
        async with opened(host, address) as socket:
            await socket.send(json.dumps({"op": "start", "id": 1, "credit": 1, **inputs()}))
            socket.transport.abort()


async def asks_much(host: str, address: str) -> None:
    """Have the longest texts checked, try links, send bodies that are too large."""
    headers = {"x-forwarded-for": address}
    dense = "x = 0\n" * 10_000
    async with httpx.AsyncClient(base_url=f"http://{host}", headers=headers, timeout=60) as client:
        for at in range(20):
            await client.post("/api/check", json={"program": dense})
            await client.get(f"/api/shares/{at:022}")
            await client.post("/api/shares", content=b"x" * (13 << 20))


ATTACKS = {
    work.__name__: work
    for work in (
        computes,
        floods_memory,
        reads_nothing,
        talks_nonsense,
        starts_over,
        comes_and_goes,
        asks_much,
    )
}
