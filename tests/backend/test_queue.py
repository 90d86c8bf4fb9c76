"""A full service says so, with a time that follows from what it has seen, and is fair about its places."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from backend.workers.slots import QueueFull, Slots
from tests.backend.service import inputs, service

LONG = "600s"


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_expected_wait_follows_the_latest_holds() -> None:
    async def body() -> None:
        clock = Clock()
        slots = Slots(2, 2, 10, clock)
        for _ in range(200):
            await slots.acquire("a")
            clock.now_s += 6.0
            slots.release("a")
        assert slots.expected_s("b", 1) == pytest.approx(3.0, rel=0.01)
        assert slots.expected_s("b", 4) == pytest.approx(12.0, rel=0.01)

    asyncio.run(body())


def test_a_place_that_is_held_for_long_makes_the_estimate_longer() -> None:
    async def body() -> None:
        clock = Clock()
        slots = Slots(1, 1, 10, clock)
        await slots.acquire("a")
        clock.now_s = 9.0
        assert slots.expected_s("b", 1) == pytest.approx(9.0)

    asyncio.run(body())


def test_a_full_queue_refuses_with_the_time() -> None:
    async def body() -> None:
        clock = Clock()
        slots = Slots(1, 1, 2, clock)
        await slots.acquire("a")
        clock.now_s = 4.0
        waiting = [asyncio.create_task(slots.acquire(name)) for name in "bc"]
        await asyncio.sleep(0)
        with pytest.raises(QueueFull, match="busy, about 12 s"):
            await slots.acquire("d")
        for task in waiting:
            task.cancel()

    asyncio.run(body())


def test_a_client_that_fills_the_queue_does_not_keep_others_from_free_places() -> None:
    async def body() -> None:
        slots = Slots(3, 1, 2)
        await slots.acquire("greedy")
        waiting = [asyncio.create_task(slots.acquire("greedy")) for _ in range(2)]
        await asyncio.sleep(0)
        assert slots.waiting == 2
        await slots.acquire("modest")
        assert slots.held == 2
        for task in waiting:
            task.cancel()

    asyncio.run(body())


def test_whoever_holds_least_is_next() -> None:
    async def body() -> None:
        slots = Slots(2, 2, 10)
        await slots.acquire("greedy")
        await slots.acquire("greedy")
        order: list[str] = []

        async def wait(name: str) -> None:
            await slots.acquire(name)
            order.append(name)

        tasks = [asyncio.create_task(wait(name)) for name in ("greedy", "greedy", "modest")]
        await asyncio.sleep(0)
        slots.release("greedy")
        slots.release("greedy")
        await asyncio.wait(tasks[::2], timeout=5)
        assert order == ["modest", "greedy"]
        tasks[1].cancel()

    asyncio.run(body())


def test_a_waiter_that_leaves_gives_its_turn_on() -> None:
    async def body() -> None:
        slots = Slots(1, 1, 10)
        await slots.acquire("a")
        gone = asyncio.create_task(slots.acquire("b"))
        stays = asyncio.create_task(slots.acquire("c"))
        await asyncio.sleep(0)
        slots.release("a")
        gone.cancel()  # it has its turn, and does not take it
        await asyncio.wait([gone, stays], timeout=5)
        assert stays.done() and not stays.cancelled()
        assert slots.held == 1

    asyncio.run(body())


def test_a_run_beyond_the_queue_is_told_busy_and_when() -> None:
    with (
        service(live_runs=1, queue=1, stall_s=30) as running,
        running.connect() as first,
        running.connect() as second,
        running.connect() as third,
    ):
        first.start(inputs(LONG), credit=100)
        first.collect(lambda run: run.count >= 100)
        second.start(inputs())
        second.collect(lambda run: bool(run.of("busy")))
        third.start(inputs(), 7)
        run = third.to_end()
        (error,) = run.of("error")
        assert error["id"] == 7
        assert error["error"]["slug"] == "busy"
        assert error["error"]["message"].startswith("busy, about ")
        assert run.finished["outcome"] == "cancelled"
        first.say("stop", id=1)
        assert second.to_end().finished["outcome"] == "ok"


def test_a_check_beyond_the_queue_is_503_with_retry_after() -> None:
    async def body() -> None:
        with service(checks=1, queue=1) as running:
            async with httpx.AsyncClient(timeout=30) as client:
                address = f"{running.url}api/check"
                many = [client.post(address, json={"program": "x"}) for _ in range(16)]
                answers = await asyncio.gather(*many)
            refused = [answer for answer in answers if answer.status_code == 503]
            assert {answer.status_code for answer in answers} == {200, 503}
            for answer in refused:
                assert answer.json()["error"]["slug"] == "busy"
                assert int(answer.headers["retry-after"]) >= 1
            assert running.health()["status"] == "ok"

    asyncio.run(body())


def test_who_starts_too_many_runs_is_told_when_and_keeps_the_run_before() -> None:
    with service(runs_per_minute=2) as running, running.connect() as client:
        for number in (1, 2):
            client.start(inputs(), number, credit=10)
        client.collect(lambda run: any(m["id"] == 2 for m in run.of("started")))
        client.start(inputs(), 3)
        run = client.collect(lambda seen: bool(seen.of("error")))
        told = run.of("error")[0]
        assert told["id"] == 3
        assert told["error"]["slug"] == "too-many-runs"
        assert "2 times a minute" in told["error"]["message"]
        assert "try again in" in told["error"]["hint"]
        client.say("credit", id=2, rows=10**6)
        assert client.to_end().finished["outcome"] == "ok"


def test_who_has_too_many_texts_checked_has_to_wait() -> None:
    with service(checks_per_minute=1) as running:
        assert running.post("/api/check", {"program": "x"}).status_code == 200
        answer = running.post("/api/check", {"program": "x"})
        assert answer.status_code == 429
        assert answer.json()["error"]["slug"] == "too-many-checks"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
