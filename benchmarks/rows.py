"""Trace rows per second from the engines into a pipe that somebody reads, as a worker writes them."""

from __future__ import annotations

import os
import threading
import time

from benchmarks.workload import job
from sandbox.engine import prepare
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import warm
from sandbox.protocol import ROWS_PER_FRAME_MAX, encode_frame


def main() -> None:
    """Measure each program on both engines; the reference engine has a tenth of the packets."""
    warm()
    for engine, packets in ((Engine.WASM, 150_000), (Engine.REFERENCE, 15_000)):
        for name in ("fifo", "prio", "drr", "wfq"):
            measure(name, engine, packets)


def measure(name: str, engine: Engine, packets: int) -> None:
    """Run to the end, row by row as a worker does, and print one line."""
    run = prepare(job(name, 0.95, packets, 1, trace=True), engine, rewindable=True).run
    assert run is not None
    reader, writer = os.pipe()
    thread = threading.Thread(target=_drain, args=(reader,))
    thread.start()
    wall, cpu, seq = time.perf_counter(), time.thread_time(), 0
    while not run.done:
        data = memoryview(run.advance(ROWS_PER_FRAME_MAX))
        for at in range(0, len(data), ROWS_PER_FRAME_MAX * 32):
            part = data[at : at + ROWS_PER_FRAME_MAX * 32]
            os.write(writer, encode_frame(seq, part))
            seq += len(part) // 32
    cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
    os.close(writer)
    thread.join()
    os.close(reader)
    print(
        f"{engine:9} {name:6} {seq:9,} rows  {seq / cpu:12,.0f} rows/CPU-s  {seq / wall:12,.0f} rows/s"
    )


def _drain(reader: int) -> None:
    while os.read(reader, 1 << 20):
        pass


if __name__ == "__main__":
    main()
