"""The promises of an interactive run, kept by the real service with real locked workers."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from sandbox.protocol import ROW, rows
from tests.backend.service import (
    FIFO,
    Client,
    Run,
    Service,
    descriptors_of,
    eventually,
    inputs,
    resident_kib,
    service,
)

LONG = "3000s"


def at_least(count: int) -> Any:
    return lambda run: run.count >= count


def assert_like_new(client: Client, run: Run, events: list[dict[str, Any]]) -> None:
    """Assert that a run is the one that has these events from the start."""
    client.start(inputs(), 2, events=events)
    fresh = client.collect(
        lambda seen: any(m["op"] == "finished" and m["id"] == 2 for m in seen.messages)
    )
    assert fresh.rows == run.rows
    assert fresh.finished["digest"] == run.finished["digest"]


@pytest.fixture(scope="module")
def whole(served: Service) -> Run:
    """All of the small run, to compare with."""
    with served.connect() as client:
        client.start(inputs())
        return client.to_end()


def test_a_run_streams_every_row_and_ends_with_its_digest(whole: Run) -> None:
    assert [m["op"] for m in whole.messages][:2] == ["diagnostics", "started"]
    assert whole.finished["outcome"] == "ok"
    assert whole.count >= whole.finished["rows"] > 100
    assert whole.finished["digest"]
    assert all(message["id"] == 1 for message in whole.messages)
    assert whole.of("started")[0]["run"]


def test_the_same_run_twice_gives_the_same_rows(client: Client, whole: Run) -> None:
    client.start(inputs())
    again = client.to_end()
    assert again.rows == whole.rows
    assert again.finished["digest"] == whole.finished["digest"]


def test_credit_is_kept_to_the_row(client: Client, whole: Run) -> None:
    client.start(inputs(), credit=100)
    run = client.collect(at_least(100))
    assert client.nothing_comes()
    assert run.count == 100
    client.say("credit", id=1, rows=37)
    client.collect(at_least(137), run)
    assert client.nothing_comes()
    assert run.count == 137
    assert run.rows == whole.rows[: 137 * ROW.size]


def test_a_step_sends_that_many_rows_and_pauses(client: Client) -> None:
    client.start(inputs(), credit=0)
    client.collect(lambda run: bool(run.of("started")))
    client.say("pause", id=1)
    run = Run()
    for count in (1, 5, 250):
        client.say("step", id=1, rows=count)
        before = run.count
        client.collect(at_least(before + count), run)
        assert client.nothing_comes(0.1)
        assert run.count == before + count


def test_a_paused_run_goes_on_where_it_was(client: Client, whole: Run) -> None:
    client.start(inputs(), credit=64)
    run = client.collect(at_least(64))
    client.say("pause", id=1)
    client.say("credit", id=1, rows=10**7)
    assert client.nothing_comes(0.2)
    client.say("resume", id=1)
    client.to_end(run)
    assert run.rows == whole.rows


def test_a_run_without_credit_gives_its_worker_up_and_resumes_exactly(
    served: Service, client: Client, whole: Run
) -> None:
    client.start(inputs(), credit=300)
    run = client.collect(at_least(300))
    assert eventually(lambda: served.health()["live_runs"] == 0)
    assert eventually(lambda: served.workers() == [])
    client.say("credit", id=1, rows=10**7)
    client.to_end(run)
    assert run.rows == whole.rows
    assert run.finished["digest"] == whole.finished["digest"]
    assert len(run.of("started")) == 1


def test_a_start_from_a_row_sends_the_rest(client: Client, whole: Run) -> None:
    client.start(inputs(), from_row=777)
    rest = client.to_end()
    assert rest.first == 777
    assert rest.rows == whole.rows[777 * ROW.size :]


def test_stop_ends_with_what_there_is(client: Client) -> None:
    client.start(inputs(LONG), credit=100)
    run = client.collect(at_least(100))
    client.say("stop", id=1)
    client.to_end(run)
    assert run.finished["outcome"] == "cancelled"
    assert run.finished["truncated"]


def test_a_start_supersedes_the_run_before_it(served: Service, client: Client, whole: Run) -> None:
    for run_id in range(2, 8):
        client.start(inputs(LONG), run_id)
    client.start(inputs(), 9)
    while True:
        message = client.receive()
        if isinstance(message, dict) and message.get("op") == "started" and message["id"] == 9:
            break
    run = client.to_end()
    assert run.rows == whole.rows
    assert {message["id"] for message in run.messages} == {9}
    assert eventually(lambda: served.workers() == [])


def test_an_event_rewinds_to_its_time(client: Client, whole: Run) -> None:
    event = {"at": "500ms", "do": "link-down", "device": "eth0"}
    client.start(inputs())
    run = client.to_end()
    run.messages.clear()
    client.say("event", id=1, event=event)
    client.to_end(run)
    (rewound,) = run.of("rewound")
    times = [row.time_ns for row in rows(bytes(whole.rows))]
    first = next(index for index, time_ns in enumerate(times) if time_ns >= 500_000_000)
    assert rewound["row"] == first
    assert run.rows[: first * ROW.size] == whole.rows[: first * ROW.size]
    assert run.finished["digest"] != whole.finished["digest"]
    assert_like_new(client, run, [event])


def test_an_event_during_the_run_keeps_the_rows_before_it(client: Client, whole: Run) -> None:
    client.start(inputs(), credit=400)
    run = client.collect(at_least(400))
    shown_ns = list(rows(bytes(run.rows)))[200].time_ns
    client.say("event", id=1, event={"at": f"{shown_ns}ns", "do": "link-down", "device": "eth0"})
    client.say("credit", id=1, rows=10**7)
    client.to_end(run)
    row = run.of("rewound")[0]["row"]
    assert row <= 200
    assert run.rows[: row * ROW.size] == whole.rows[: row * ROW.size]
    assert len(run.of("started")) == 1


@pytest.mark.parametrize("paused", [False, True], ids=["out of credit", "paused"])
def test_an_event_during_the_run_is_taken_by_the_worker_that_computes(
    served: Service, client: Client, paused: bool
) -> None:
    event = {"at": "300ms", "do": "link-down", "device": "eth0"}
    client.start(inputs(), credit=1500)
    run = client.collect(at_least(1500))
    if paused:
        client.say("pause", id=1)
    before = served.workers()
    client.say("event", id=1, event=event)
    client.collect(lambda seen: bool(seen.of("rewound")), run)
    assert served.workers() == before
    client.say("credit", id=1, rows=10**7)
    client.say("resume", id=1)
    client.to_end(run)
    assert_like_new(client, run, [event])


def test_an_event_with_parts_of_its_own_begins_anew(served: Service, client: Client) -> None:
    replace = "tc qdisc replace dev eth0 root handle 7: pfifo limit 5"
    events = [{"at": "200ms", "do": "tc", "tc": replace}, {"at": "300ms", "do": "link-down"}]
    client.start(inputs(), credit=1500)
    run = client.collect(at_least(1500))
    before = served.workers()
    for event in events:
        client.say("event", id=1, event=event)
    client.collect(lambda seen: len(seen.of("rewound")) == 2, run)
    assert not set(served.workers()) & set(before)
    client.say("credit", id=1, rows=10**7)
    client.to_end(run)
    assert_like_new(client, run, events)


def test_a_refused_event_leaves_the_run_as_it_was(client: Client, whole: Run) -> None:
    client.start(inputs(), credit=200)
    run = client.collect(at_least(200))
    client.say("event", id=1, event={"at": "1ms", "do": "bad-thing"})
    client.collect(lambda seen: bool(seen.of("error")), run)
    (error,) = run.of("error")
    assert error["error"]["slug"] == "bad-event"
    client.say("credit", id=1, rows=10**7)
    client.to_end(run)
    assert run.rows == whole.rows
    assert not run.of("rewound")


BAD_EVENTS = (
    {},
    {"at": "1ms"},
    {"do": "link-down"},
    {"at": True, "do": "link-down"},
    {"at": [1], "do": "link-down"},
    {"at": -5, "do": "link-down"},
    {"at": "1e99s", "do": "link-down"},
    {"at": "soon", "do": "link-down"},
    {"at": "1ms", "do": "link-down", "device": "eth9"},
    {"at": "1ms", "do": "param", "target": "nobody", "name": "x", "value": 1},
    {"at": "1ms", "do": "tc", "tc": "$(reboot)"},
    {"at": "1ms", "do": {"x": 1}},
)


def test_bad_events_are_refused_one_by_one_and_change_nothing(client: Client, whole: Run) -> None:
    client.start(inputs())
    run = client.to_end()
    for event in BAD_EVENTS:
        run.messages.clear()
        client.say("event", id=1, event=event)
        client.collect(lambda seen: bool(seen.messages), run)
        assert [message["op"] for message in run.messages] == ["error"], event
    assert client.nothing_comes(0.1)
    run.messages.clear()
    client.say("event", id=1, event={"at": "2ms", "do": "link-down", "device": "eth0"})
    client.to_end(run)
    assert len(run.of("rewound")) == 1


def test_events_in_quick_succession_are_all_applied(client: Client) -> None:
    events = [
        {"at": f"{200 * n}ms", "do": "link-down" if n % 2 else "link-up", "device": "eth0"}
        for n in range(1, 5)
    ]
    client.start(inputs())
    run = client.collect(at_least(100))
    for event in events:
        client.say("event", id=1, event=event)
    client.collect(lambda seen: len(seen.of("rewound")) == 4, run)
    run.messages.clear()
    client.to_end(run)
    assert_like_new(client, run, events)


def test_a_program_that_is_refused_ends_as_compile_error(client: Client) -> None:
    client.start(inputs(program="def enqueue(skb, ctx):\n    return DROP\n"))
    run = client.to_end()
    assert run.messages[0]["op"] == "diagnostics"
    assert not run.messages[0]["ok"]
    assert run.messages[0]["diagnostics"][0]["slug"]
    assert run.finished["outcome"] == "compile-error"


def test_a_killed_worker_is_told_and_the_next_run_works(
    served: Service, client: Client, whole: Run
) -> None:
    client.start(inputs(LONG), credit=100)
    run = client.collect(at_least(100))
    (worker,) = served.workers()
    os.kill(worker, signal.SIGKILL)
    client.to_end(run)
    assert run.finished["outcome"] == "crashed"
    assert run.finished["fault"]["message"] == "the sandbox was stopped"
    client.start(inputs(), 2)
    assert client.to_end().rows == whole.rows


def test_a_killed_zygote_is_replaced(served: Service, client: Client, whole: Run) -> None:
    client.start(inputs(LONG), credit=100)
    run = client.collect(at_least(100))
    os.kill(served.zygote(), signal.SIGKILL)
    client.to_end(run)
    assert run.finished["outcome"] == "crashed"
    client.start(inputs(), 2)
    assert client.to_end().rows == whole.rows


def test_a_vanished_browser_frees_its_worker(served: Service) -> None:
    client = served.connect()
    client.start(inputs(LONG), credit=100)
    client.collect(at_least(100))
    assert len(served.workers()) == 1
    client.socket.socket.close()
    assert eventually(lambda: served.workers() == [] and served.health()["sockets"] == 0)


def test_runs_beyond_the_limit_wait_and_hear_it() -> None:
    with (
        service(live_runs=1, stall_s=0.5) as served,
        served.connect() as first,
        served.connect() as second,
    ):
        first.start(inputs(LONG), credit=100)
        first.collect(at_least(100))
        second.start(inputs(), 5)
        run = second.to_end()
        (busy,) = run.of("busy")[:1]
        assert busy["position"] == 1
        assert busy["id"] == 5
        assert run.finished["outcome"] == "ok"


def test_a_run_that_takes_too_long_ends_at_its_wall() -> None:
    with service(run_wall_s=0.3, run_cpu_ms=20_000) as served, served.connect() as client:
        client.start(inputs(LONG), trace=False)
        run = client.to_end()
        assert run.finished["outcome"] == "limit-wall"


def test_a_run_that_uses_up_its_processor_time_keeps_its_rows() -> None:
    # The interpreter is slow enough to be cut off before the most rows there may be.
    with service(run_cpu_ms=200, engine="reference") as served, served.connect() as client:
        client.start(inputs(LONG))
        run = client.to_end()
        assert run.finished["outcome"] == "limit-cpu"
        assert run.finished["truncated"]
        assert run.count > 100


def test_a_run_that_uses_up_its_memory_ends_so() -> None:
    flood = FIFO.replace("1000)", "1000)\nm = HashMap(max_entries=1000000)\nn = 0").replace(
        "    if not queue.push",
        "    global n\n    for i in range(10000):\n        n += 1\n        m.update(n, n)\n"
        "    if not queue.push",
    )
    with service(run_memory_bytes=224 << 20) as served, served.connect() as client:
        client.start(inputs(program=flood), trace=False)
        assert client.to_end().finished["outcome"] == "limit-memory"
        client.start(inputs(), 2)
        assert client.to_end().finished["outcome"] == "ok"


def test_many_runs_leave_nothing_behind(served: Service) -> None:
    def held() -> tuple[int, int]:
        return descriptors_of(served.pid), descriptors_of(served.zygote())

    def churn(count: int) -> None:
        for number in range(count):
            with served.connect() as client:
                client.start(inputs(LONG if number % 2 else "100ms"), credit=200)
                client.collect(at_least(100))
                if number % 3:
                    client.say("stop", id=1)

    churn(6)
    assert eventually(lambda: served.health()["sockets"] == 0 and served.workers() == [])
    before = held()
    before_kib = resident_kib(served.pid)
    churn(40)
    assert eventually(lambda: served.health()["sockets"] == 0 and served.workers() == [])
    assert eventually(lambda: all(now <= then for now, then in zip(held(), before, strict=True)))
    assert resident_kib(served.pid) - before_kib < 8 * 1024


def test_a_run_says_how_often_each_line_ran_when_asked(served: Service, whole: Run) -> None:
    with served.connect() as client:
        client.start(inputs(), line_counts=True)
        run = client.to_end()
    assert run.finished["digest"] == whole.finished["digest"]
    assert whole.finished["lines"] == {}
    (lines,) = run.finished["lines"].values()
    assert max(lines.values()) == run.finished["statistics"]["total"]["sent"]
