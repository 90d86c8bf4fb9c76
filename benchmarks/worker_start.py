"""How long a worker takes from the request to its first answer: fork, lock, check, first message.

python -m benchmarks.worker_start [COUNT] prints percentiles; the bar is 5 ms at p50.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from backend.metrics import Metrics
from backend.settings import Settings
from backend.workers.pool import Pool

PROGRAM = '''"""First come, first served."""

queue = SkbMap(max_entries=1000)


def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()
'''
TASKS = {
    "fork + lock + first answer": {"op": "nothing"},
    "… + check of a 14-line program": {"op": "check", "program": PROGRAM, "name": "fifo"},
}


async def measure(pool: Pool, task: dict[str, object], count: int) -> list[float]:
    """Return the milliseconds of each start, one after the other."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        worker = await pool.worker(2000, 256 << 20)
        await worker.give(task, 5)
        await worker.receive()
        times.append((time.perf_counter() - began) * 1000)
        await worker.close()
    return times


async def main(count: int) -> None:
    pool = Pool(Settings(), Metrics())
    began = time.perf_counter()
    await pool.start()
    print(f"zygote with self-test: {(time.perf_counter() - began) * 1000:.0f} ms")
    try:
        for name, task in TASKS.items():
            await measure(pool, task, 10)
            times = await measure(pool, task, count)
            cuts = statistics.quantiles(times, n=100)
            print(f"{name:<32} p50 {cuts[49]:.2f} ms  p95 {cuts[94]:.2f} ms  p99 {cuts[98]:.2f} ms")
    finally:
        pool.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
