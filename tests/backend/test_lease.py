"""Points of one program share a locked process, and their rows are those they have alone."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from backend.batches.lease import Lease
from backend.batches.local import LocalExecutor
from backend.batches.point import Result, Task
from backend.metrics import Metrics
from backend.settings import Settings
from backend.wire.messages import PointRow, WorkerError
from backend.workers.pool import Pool
from backend.workers.worker import Ending, Worker
from sandbox.build.programs import library_names
from sandbox.protocol import Outcome

SCENARIO = """title = "Shared"
device = { rate = "1mbit" }
run = { duration = "300ms", seed = 1 }
[qdisc]
"1:" = { program = "count.qdisc.py" }
[flow]
bulk = { model = "poisson", rate = "1.5mbit", size = "500b" }
"""
# It has globals and a hash map, which a process that is used again must not carry on.
COUNTING = '''"""Counts, and drops what comes when it has counted to its limit."""

limit = Param(10, min=1, max=100000)
seen = HashMap(max_entries=100)
total = 0
queue = SkbMap(max_entries=1000)


def enqueue(skb, ctx):
    global total
    total = total + 1
    seen.update(total % 50, total)
    if len(queue) >= limit or not queue.push(skb, total):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()
'''


class CountingPool(Pool):
    """A real pool that remembers its workers."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, Metrics())
        self.given: list[Worker] = []

    async def worker(self, cpu_ms: int, memory_bytes: int, nice: int = 0) -> Worker:
        made = await super().worker(cpu_ms, memory_bytes, nice)
        self.given.append(made)
        return made


def task(program: str = "", text: str = COUNTING, scenario: str = SCENARIO, **differs: Any) -> Task:
    seed, values = differs.get("seed", 1), differs.get("values", {})
    job = {
        "scenario": scenario,
        "programs": {"count.qdisc.py": text},
        "files": {},
        "params": values,
        "seed": seed,
        "duration": None,
        "events": [],
        "trace": False,
    }
    key = f"{hash((program, seed, str(values), text, scenario)) & (1 << 256) - 1:064x}"
    return {
        "op": "point",
        "job": job,
        "engine": "e",
        "key": key,
        "program": program,
        "values": values,
        "seed": seed,
    }


LONG = SCENARIO.replace("300ms", "20000s")
MANY = [task(seed=seed, values={"limit": limit}) for seed in (1, 2, 3) for limit in (1, 5, 50)]


def computed(*batches: list[Task], **settings: Any) -> tuple[dict[str, Result], int]:
    """Return the results by key and how many workers it took."""

    async def compute() -> tuple[dict[str, Result], int]:
        chosen = Settings(batch_workers=1, **settings)
        pool = CountingPool(chosen)
        await pool.start()
        try:
            executor = LocalExecutor(pool, chosen)
            found = [one for tasks in batches async for some in executor.run(tasks) for one in some]
        finally:
            pool.close()
        keys = sorted(one["key"] for tasks in batches for one in tasks)
        assert sorted(one.key for one in found) == keys
        return {one.key: one for one in found}, len(pool.given)

    return asyncio.run(compute())


def test_points_share_a_process_and_have_the_rows_they_have_alone() -> None:
    together, workers = computed(MANY)
    alone, processes = computed(*([one] for one in MANY))
    assert (workers, processes) == (1, len(MANY))
    assert together == alone
    assert {one.outcome for one in together.values()} == {"ok"}
    assert len({one.row["digest"] for one in together.values()}) == len(MANY)


def test_every_program_of_the_library_computes_the_same_after_other_points() -> None:
    own = 'program = "count.qdisc.py"'
    points = [
        [task(program=kind, scenario=SCENARIO.replace(own, f'kind = "{kind}"'), seed=seed)]
        for kind in library_names()
        for seed in (1, 2, 3)
    ]
    together, workers = computed([one for some in points for one in some])
    alone, processes = computed(*points)
    assert workers < processes == len(points)
    assert together == alone
    assert sum(one.outcome == "ok" for one in alone.values()) > len(points) / 2


def test_programs_never_share_a_process() -> None:
    other = COUNTING.replace("% 50", "% 49")
    tasks = [
        task(program=label, text=text, seed=seed)
        for seed in (1, 2)
        for label, text in (("one", COUNTING), ("other", other))
    ]
    assert computed(tasks)[1] == len(tasks)


@pytest.mark.parametrize("at", [0, 1])
def test_a_wrong_point_is_a_row_and_the_last_of_its_process(at: int) -> None:
    wrong = task(values={"limit": -1})
    found, workers = computed([*MANY[:at], wrong, *MANY[at:3]])
    assert found.pop(wrong["key"]).outcome == "compile-error"
    assert {one.outcome for one in found.values()} == {"ok"}
    assert workers == 2


def test_a_busy_process_takes_no_other_point() -> None:
    long = [task(scenario=LONG, seed=seed) for seed in (1, 2)]
    found, workers = computed(long, point_cpu_ms=1000)
    # Which of the two, the machine's speed decides.
    assert {one.outcome for one in found.values()} <= {"ok", "limit-cpu"}
    assert workers == 2


@pytest.mark.parametrize("kills", [1, 2])
def test_a_point_whose_process_dies_after_others_is_computed_once_more(kills: int) -> None:
    async def compute() -> tuple[list[Result], int]:
        settings = Settings(batch_workers=1)
        pool = CountingPool(settings)
        await pool.start()
        try:
            async with Lease(pool, settings) as lease:
                first = await lease.compute(MANY[0])
                second = asyncio.create_task(lease.compute(task(seed=5, scenario=LONG)))
                for kill in range(kills):
                    while len(pool.given) <= kill:
                        await asyncio.sleep(0.01)
                    await asyncio.sleep(0.1)
                    os.kill(pool.given[kill].pid, signal.SIGKILL)
                results = [first, await second, await lease.compute(MANY[1])]
        finally:
            pool.close()
        return results, len(pool.given)

    (first, second, third), workers = asyncio.run(compute())
    assert (first.outcome, third.outcome) == ("ok", "ok")
    assert second.outcome == ("ok" if kills == 1 else "crashed")
    assert workers == kills + 1


def test_batches_take_turns() -> None:
    async def compute() -> list[str]:
        settings = Settings(batch_workers=1)
        pool = CountingPool(settings)
        await pool.start()
        order: list[str] = []

        async def batch(name: str) -> None:
            scenario = SCENARIO.replace("300ms", "6000s")
            tasks = [task(scenario=scenario, seed=seed) for seed in range(16)]
            async for some in executor.run(tasks):
                order.extend(name for _ in some)

        executor = LocalExecutor(pool, settings)
        try:
            await asyncio.gather(batch("first"), batch("second"))
        finally:
            pool.close()
        return order

    order = asyncio.run(compute())
    assert order.index("second") < 16 <= len(order) - 1 - order[::-1].index("first")


def test_a_process_that_computed_a_point_does_nothing_else() -> None:
    async def ask() -> Any:
        pool = CountingPool(Settings())
        await pool.start()
        try:
            worker = await pool.worker(1000, 256 << 20)
            await worker.give(MANY[0], 5)
            assert isinstance(await worker.receive(), PointRow)
            await worker.give({"op": "check", "program": COUNTING, "name": "count"}, 5)
            answer = await worker.receive()
            await worker.close()
        finally:
            pool.close()
        return answer

    answer = asyncio.run(ask())
    assert isinstance(answer, WorkerError)
    assert answer.error.slug == "bad-message"


def test_a_row_of_another_point_is_not_taken() -> None:
    class Liar:
        """A worker that says the row of a point it was not asked for."""

        async def ask(self, task: Task, wall_s: float) -> tuple[PointRow, str]:
            row = {"key": MANY[1]["key"], "outcome": "ok"}
            return PointRow(op="row", row=row, waits={}, more=True), ""

        async def close(self) -> Ending:
            return Ending(outcome=Outcome.CRASHED, message="was killed")

    class Den:
        async def worker(self, cpu_ms: int, memory_bytes: int, nice: int = 0) -> Liar:
            return Liar()

    async def compute() -> Result:
        async with Lease(Den(), Settings()) as lease:  # type: ignore[arg-type]
            return await lease.compute(MANY[0])

    result = asyncio.run(compute())
    assert (result.key, result.outcome) == (MANY[0]["key"], "crashed")
