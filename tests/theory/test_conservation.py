"""What no order of service can change, and what changes of scale must not."""

from __future__ import annotations

import random

import pytest

from tests.invariants import check
from tests.theory import lab
from tests.theory.loop import Packet

RATE = "10mbit"
WORK_CONSERVING = {
    "pfifo": 'kind = "pfifo", limit = 10000',
    "bfifo": 'kind = "bfifo", limit = "10000000b"',
    "prio": 'kind = "prio"',
    "sfq": 'kind = "sfq", limit = 10000',
    "stfq": 'kind = "stfq"',
    "edf": 'kind = "edf"',
}


def arrivals(seed: int, count: int = 600, size: int = 0) -> list[Packet]:
    """Return traffic with idle times, no two packets at one instant."""
    draw = random.Random(seed)
    now, packets = 0, []
    for number in range(1, count + 1):
        length = size or draw.choice((64, 300, 576, 1000, 1514))
        now += 1 + round(draw.expovariate(1 / 600_000))
        packets.append(Packet(number, now, draw.randrange(4), length, draw.randrange(8)))
    return packets


def run(qdisc: str, packets: list[Packet], rate: str = RATE) -> lab.Result:
    """Return the run of a recording."""
    text = lab.link(qdisc, [lab.REPLAY], rate=rate, duration="60s")
    return lab.run(text, files=lab.recording(packets), order=False)


def busy_periods(result: lab.Result) -> list[tuple[int, int]]:
    """Return from when to when the link was busy without a gap."""
    periods: list[tuple[int, int]] = []
    for departure in result.departures():
        if periods and periods[-1][1] == departure.start_ns:
            periods[-1] = (periods[-1][0], departure.end_ns)
        else:
            periods.append((departure.start_ns, departure.end_ns))
    return periods


@pytest.mark.parametrize("seed", [1, 2])
def test_no_order_changes_busy_periods(seed: int) -> None:
    packets = arrivals(seed)
    found = {name: busy_periods(run(qdisc, packets)) for name, qdisc in WORK_CONSERVING.items()}
    assert all(periods == found["pfifo"] for periods in found.values())
    assert len(found["pfifo"]) > 50


@pytest.mark.parametrize("seed", [1, 2])
def test_with_equal_sizes_no_order_changes_departures_or_the_total_wait(seed: int) -> None:
    packets = arrivals(seed, size=1000)
    found = {name: run(qdisc, packets) for name, qdisc in WORK_CONSERVING.items()}
    starts = {name: [d.start_ns for d in result.departures()] for name, result in found.items()}
    assert all(instants == starts["pfifo"] for instants in starts.values())
    totals = {sum(wait.wait_ns for wait in result.waits()) for result in found.values()}
    assert len(totals) == 1


@pytest.mark.parametrize("qdisc", ["pfifo", "sfq", "prio"])
def test_everything_offered_is_delivered_dropped_or_still_there(qdisc: str) -> None:
    flows = [f'f{i} = {{ model = "poisson", rate = "6mbit", size = "imix" }}' for i in range(3)]
    text = lab.link(f'kind = "{qdisc}"', flows, rate=RATE, duration="2s")
    text = text.replace("mtu = ", "txqueuelen = 50, mtu = ")
    result = lab.run(text)
    checker = check(result.rows, result.started)
    assert sum(totals.drops for totals in checker.flows.values()) > 100
    for totals in checker.flows.values():
        ended = totals.received_packets + totals.drops + totals.purged + totals.stolen
        assert totals.offered_packets == ended + totals.inside


def test_double_sizes_on_a_double_rate_change_nothing() -> None:
    packets = [p._replace(len_bytes=p.len_bytes // 2 * 2) for p in arrivals(3)]
    doubled = [p._replace(len_bytes=2 * p.len_bytes) for p in packets]
    text = lab.link('kind = "pfifo"', [lab.REPLAY], rate="20mbit", duration="60s", mtu="9000b")
    twice = lab.run(text, files=lab.recording(doubled))
    assert twice.departures() == run('kind = "pfifo"', packets).departures()


def test_slower_time_keeps_the_order() -> None:
    packets = arrivals(4)
    slow = [p._replace(time_ns=10 * p.time_ns) for p in packets]
    fast_run, slow_run = run('kind = "prio"', packets), run('kind = "prio"', slow, "1mbit")
    fast = [(d.number, 10 * d.start_ns, 10 * d.end_ns) for d in fast_run.departures()]
    assert [tuple(d) for d in slow_run.departures()] == fast


def test_an_idle_flow_changes_nothing() -> None:
    flows = [f'f{i} = {{ model = "poisson", rate = "4mbit" }}' for i in range(2)]
    idle = 'z = { model = "poisson", rate = "4mbit", enabled = false }'
    text = lab.link('kind = "sfq"', flows, rate=RATE)
    with_idle = lab.link('kind = "sfq"', [*flows, idle], rate=RATE)
    assert lab.run(text).departures() == lab.run(with_idle).departures()


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    text = lab.link('kind = "pfifo"', ['f = { model = "poisson", rate = "9mbit" }'], rate=RATE)
    first, second = lab.run(text, seed=5), lab.run(text, seed=5)
    assert first.rows == second.rows
    assert first.finished["digest"] == second.finished["digest"]
    assert lab.run(text, seed=6).rows != first.rows
    assert lab.run(text, seed=5, trace=False).finished["digest"] == first.finished["digest"]
