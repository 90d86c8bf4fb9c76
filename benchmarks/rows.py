"""Trace rows per second from the engine into a pipe that somebody reads, as a worker writes them."""

from __future__ import annotations

import os
import threading
import time

from benchmarks.workload import job
from sandbox.engine import prepare
from sandbox.protocol import ROWS_PER_FRAME_MAX, encode_frame


def main() -> None:
    for name in ("fifo", "prio", "drr", "wfq"):
        prepared = prepare(job(name, 0.95, 60_000, 1, trace=True))
        assert prepared.run is not None, [one.render() for one in prepared.diagnostics]
        run = prepared.run
        reader, writer = os.pipe()
        thread = threading.Thread(target=_drain, args=(reader,))
        thread.start()
        wall, cpu, seq = time.perf_counter(), time.process_time(), 0
        while not run.done:
            data = run.advance(ROWS_PER_FRAME_MAX)
            while data:
                part, data = data[: ROWS_PER_FRAME_MAX * 32], data[ROWS_PER_FRAME_MAX * 32 :]
                os.write(writer, encode_frame(seq, part))
                seq += len(part) // 32
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        os.close(writer)
        thread.join()
        os.close(reader)
        print(f"{name:6} {seq:9,} rows  {seq / cpu:12,.0f} rows/CPU-s  {seq / wall:12,.0f} rows/s")


def _drain(reader: int) -> None:
    while os.read(reader, 1 << 20):
        pass


if __name__ == "__main__":
    main()
