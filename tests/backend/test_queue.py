"""A full service says so, with a time that follows from what it has seen, and is fair about its places."""

from __future__ import annotations

import asyncio
import os

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from backend.runs import clock as timing
from backend.runs.clock import Interrupt
from backend.workers.slots import QueueFull, Slots
from backend.workers.worker import OLD_NICENESS
from tests.backend.service import Client, eventually, inputs, service

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


def test_who_connects_too_often_is_refused_before_it_is_connected() -> None:
    with service(sockets_per_minute=2) as running:
        for _ in range(2):
            running.connect().socket.close()
        with pytest.raises(InvalidStatus) as refused:
            running.connect()
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["retry-after"]) >= 1
        assert b"too-many-sockets" in (refused.value.response.body or b"")


def test_a_short_run_does_not_wait_for_long_ones_and_they_lose_nothing() -> None:
    inputs_long = {**inputs("6000s"), "trace": False}
    with service(live_runs=1, live_runs_per_client=1, proxies="127.0.0.1") as running:

        def person(at: int) -> Client:
            return running.connect(additional_headers={"x-forwarded-for": f"198.51.100.{at}"})

        with person(1) as alone:
            alone.start(inputs_long)
            digest = alone.to_end().finished["digest"]
        with person(2) as first, person(3) as second, person(4) as quick:
            first.start(inputs_long)
            second.start(inputs_long)
            first.collect(lambda run: bool(run.of("started")))
            second.collect(lambda run: bool(run.of("started")))
            # Both compute, one at a time; neither has ended.
            assert len(running.workers()) == 2
            assert running.health()["live_runs"] == 1
            quick.start(inputs("50ms"))
            assert quick.to_end().finished["outcome"] == "ok"
            assert len(running.workers()) >= 1, "the long ones were still at it"
            for client in (first, second):
                finished = client.to_end(timeout_s=60).finished
                assert finished["outcome"] == "ok"
                assert finished["digest"] == digest


def test_standing_still_uses_up_no_wall_time() -> None:
    async def body() -> None:
        rung: list[Interrupt] = []
        clock = timing.Clock(0.2, 5.0, rung.append)
        clock.start(idle=False)
        clock.halt()
        await asyncio.sleep(0.5)
        assert rung == []
        clock.stop()  # a message arrives that the worker had said before
        clock.start(idle=False)
        await asyncio.sleep(0.3)
        assert rung == []
        clock.go_on()
        await asyncio.sleep(0.5)
        assert rung == [Interrupt.WALL]
        clock.stop()

    asyncio.run(body())


def test_a_run_that_has_nothing_to_do_stalls_even_while_it_stands_still() -> None:
    async def body() -> None:
        rung: list[Interrupt] = []
        clock = timing.Clock(5.0, 0.1, rung.append)
        clock.start(idle=True)
        clock.halt()
        await asyncio.sleep(0.4)
        assert rung == [Interrupt.STALLED]
        clock.stop()

    asyncio.run(body())


def test_a_run_can_be_stopped_while_it_stands_still() -> None:
    with service(live_runs=1, proxies="127.0.0.1", run_cpu_ms=30_000) as running:
        people = [
            running.connect(additional_headers={"x-forwarded-for": f"198.51.100.{at}"})
            for at in range(3)
        ]
        for client in people:
            client.start({**inputs("3600s"), "trace": False})
        for client in people:
            client.collect(lambda run: bool(run.of("started")))
        for client in people:
            client.say("stop", id=1)
            assert client.to_end().finished["outcome"] == "cancelled"
            client.socket.close()


def test_when_too_many_wait_whoever_had_the_most_makes_room() -> None:
    async def body() -> None:
        clock = Clock()
        slots = Slots(1, 1, 1, clock)
        await slots.acquire("greedy")
        clock.now_s = 10.0
        slots.release("greedy")
        await slots.acquire("other")
        late = asyncio.create_task(slots.acquire("greedy"))
        await asyncio.sleep(0)
        fresh = asyncio.create_task(slots.acquire("modest"))
        with pytest.raises(QueueFull):
            await late
        slots.release("other")
        await fresh
        assert slots.held == 1

    asyncio.run(body())


def test_use_is_forgotten_by_half_each_minute() -> None:
    async def body() -> None:
        clock = Clock()
        slots = Slots(1, 1, 1, clock)
        await slots.acquire("a")
        clock.now_s = 8.0
        slots.release("a")
        assert slots.use_s("a") == pytest.approx(8.0)
        clock.now_s = 68.0
        assert slots.use_s("a") == pytest.approx(4.0)
        for at in range(20_000):
            await slots.acquire(f"client {at}")
            slots.release(f"client {at}")
        assert len(slots._used) <= 10_000

    asyncio.run(body())


def test_a_worker_that_takes_long_gives_way_to_younger_ones() -> None:
    with service() as running, running.connect() as client:
        client.start(inputs("600s"), credit=100)
        client.collect(lambda run: run.count >= 100)
        (worker,) = running.workers()
        old = max(OLD_NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
        assert eventually(lambda: os.getpriority(os.PRIO_PROCESS, worker) == old, 3)
        assert os.getpriority(os.PRIO_PROCESS, running.zygote()) == os.getpriority(
            os.PRIO_PROCESS, 0
        )
        client.say("stop", id=1)
        client.to_end()
