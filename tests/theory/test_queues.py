"""Single-server queues: waits, their distribution and loss against closed formulas.

Sources: Kleinrock, Queueing Systems, volume 1; Erlang 1917 for the waits of M/D/1; Pollaczek 1930.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

import pytest

from tests.theory import lab
from tests.theory.loop import Packet

pytestmark = pytest.mark.slow

SERVICE_NS = 8_000  # 1000 bytes at 1 Gbit/s
BIG = 'kind = "pfifo", limit = 100000'


def poisson_flows(rho: float, count: int = 8, size: str = '"1000b"') -> list[str]:
    """Return Poisson flows that together load a 1 Gbit/s link to rho."""
    rate_bps = round(rho * lab.GBIT / count)
    pace = f'model = "poisson", rate = "{rate_bps}bit", size = {size}'
    return [f"f{i} = {{ {pace} }}" for i in range(count)]


def span(packets: int, rho: float, service_ns: float = SERVICE_NS) -> str:
    """Return the time in which so many packets come."""
    return f"{round(packets * service_ns / rho)}ns"


@lru_cache(maxsize=10)
def fixed_waits(rho: float, seed: int, packets: int) -> tuple[lab.Wait, ...]:
    """Return the waits of an M/D/1 queue after its warm-up."""
    text = lab.link(BIG, poisson_flows(rho), duration=span(packets, rho))
    return tuple(lab.after_warm_up(lab.run(text, seed=seed).waits()))


def mean_wait(waits: Sequence[lab.Wait]) -> float:
    """Return the mean wait in ns."""
    return lab.mean(wait.wait_ns for wait in waits)


# load; on every change packets for each of ten seeds and tolerance in percent; in the long run seeds and tolerance
FIXED = [
    (0.5, 10_000, 4.0, 10, 2.0),
    (0.8, 20_000, 6.0, 10, 2.0),
    (0.9, 30_000, 8.0, 10, 2.0),
    (0.95, 60_000, 12.0, 50, 3.0),
]


@pytest.mark.parametrize(("rho", "few", "loose", "many_seeds", "tight"), FIXED)
def test_mean_wait_of_fixed_sizes(
    rho: float, few: int, loose: float, many_seeds: int, tight: float
) -> None:
    packets, percent = (200_000, tight) if lab.LONG else (few, loose)
    seeds = many_seeds if lab.LONG else 10
    found = lab.over_seeds(lambda seed: mean_wait(fixed_waits(rho, seed, packets)), seeds)
    expected = SERVICE_NS * rho / (2 * (1 - rho))
    assert found.agrees(expected, percent), (found, expected)


def erlang(rho: float, x: float) -> float:
    """Return P(wait ≤ x services) of M/D/1, in exact arithmetic where terms alternate."""
    load, point = Fraction(rho).limit_denominator(1000), Fraction(x).limit_denominator(1000)
    total = 0.0
    for k in range(math.floor(x) + 1):
        power = load * (k - point)
        total += float(power**k / math.factorial(k)) * math.exp(-float(power))
    return float(1 - load) * total


CDF = {
    0.5: ((0, 0.5), (0.5, 0.64201), (1, 0.82436), (2, 0.94696), (3, 0.98475), (5, 0.99876)),
    0.8: ((0, 0.2), (1, 0.44511), (2, 0.63452), (3, 0.7621), (5, 0.8995), (8, 0.97241)),
}


@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_distribution_of_waits_of_fixed_sizes(rho: float) -> None:
    packets, tolerance = (200_000, 0.005) if lab.LONG else (20_000, 0.01)
    waits = [w.wait_ns for seed in range(1, 11) for w in fixed_waits(rho, seed, packets)]
    waits.sort()
    for x, stated in CDF[rho]:
        assert erlang(rho, x) == pytest.approx(stated, abs=1e-5)
        share = bisect_right(waits, x * SERVICE_NS) / len(waits)
        assert share == pytest.approx(stated, abs=tolerance), x


def test_mean_wait_of_two_sizes() -> None:
    """64 and 1500 bytes, each with probability 1/2: the second moment counts."""
    packets, percent = (200_000, 2.0) if lab.LONG else (20_000, 6.0)
    service_ns = (64 + 1500) / 2 * 8
    squares = (64**2 + 1500**2) / 2 * 64
    for rho, stated_us in ((0.5, 5.765), (0.8, 23.060)):
        flows = poisson_flows(rho, size='["64b", "1500b"]')
        text = lab.link(BIG, flows, duration=span(packets, rho, service_ns))
        expected = rho / service_ns * squares / (2 * (1 - rho))
        assert expected == pytest.approx(stated_us * 1000, rel=1e-3)
        found = lab.over_seeds(
            lambda seed, text=text: mean_wait(lab.after_warm_up(lab.run(text, seed=seed).waits()))
        )
        assert found.agrees(expected, percent), (found, expected)


def test_poisson_arrivals_see_time_averages() -> None:
    """The number in the system just before arrivals is distributed as it is over time."""
    rho, packets = 0.8, 200_000 if lab.LONG else 20_000
    seen: dict[int, int] = {}
    lasted: dict[int, int] = {}
    for seed in range(1, 11):
        waits = fixed_waits(rho, seed, packets)
        moments = [(w.arrived_ns, 1) for w in waits]
        moments += [(w.start_ns + SERVICE_NS, 0) for w in waits]
        inside, last = 0, waits[0].arrived_ns
        for at_ns, arrival in sorted(moments):
            lasted[inside] = lasted.get(inside, 0) + at_ns - last
            last = at_ns
            if arrival:
                seen[inside] = seen.get(inside, 0) + 1
            inside += 1 if arrival else -1
    arrivals, time_ns = sum(seen.values()), sum(lasted.values())
    distance = sum(
        abs(seen.get(n, 0) / arrivals - lasted.get(n, 0) / time_ns) for n in {*seen, *lasted}
    )
    assert distance / 2 < (0.01 if lab.LONG else 0.02)


# --- exponential sizes, from a recording made here -------------------------------------------------

MEAN_BYTES = 5_000  # so that the shortest frame (60 bytes) and the longest (65,535) hardly cut


@lru_cache(maxsize=10)
def exponential(rho: float, seed: int, packets: int, qdisc: str) -> lab.Result:
    """Return a run with Poisson arrivals and exponential services, as far as frames allow."""
    draw = random.Random(f"{rho} {seed}")
    now = 0.0
    arrivals = []
    for number in range(1, packets + 1):
        now += draw.expovariate(rho / (MEAN_BYTES * 8))
        length = min(65_535, max(60, round(draw.expovariate(1 / MEAN_BYTES))))
        arrivals.append(Packet(number, round(now), 0, length))
    text = lab.link(qdisc, [lab.REPLAY], duration="3600s", mtu="65521b")
    return lab.run(text, files=lab.recording(arrivals))


def test_mean_wait_of_exponential_sizes() -> None:
    packets, percent = (200_000, 2.0) if lab.LONG else (15_000, 7.0)
    for rho in (0.5, 0.8):
        found = lab.over_seeds(
            lambda seed, rho=rho: mean_wait(
                lab.after_warm_up(exponential(rho, seed, packets, BIG).waits())
            )
        )
        expected = MEAN_BYTES * 8 * rho / (1 - rho)
        assert found.agrees(expected, percent), (rho, found, expected)


def test_distribution_of_exponential_sizes() -> None:
    """The time in the system is exponential: quantile q is −ln(1 − q) · E[S] / (1 − rho)."""
    packets = 200_000 if lab.LONG else 15_000
    rho, scale = 0.8, MEAN_BYTES * 8 / 0.2
    times = []
    for seed in range(1, 11):
        waits = lab.after_warm_up(exponential(rho, seed, packets, BIG).waits())
        times += [w.wait_ns + w.len_bytes * 8 for w in waits]
    times.sort()
    # The largest thousandth comes from a handful of busy periods; only the long run has enough of them.
    tolerances = {0.5: 3, 0.99: 3, 0.999: 5} if lab.LONG else {0.5: 6, 0.99: 10}
    for quantile, percent in tolerances.items():
        found = times[int(quantile * len(times))]
        expected = -math.log(1 - quantile) * scale
        assert found == pytest.approx(expected, rel=percent / 100)


# --- finite buffers --------------------------------------------------------------------------------


def erlang_loss(rho: float, places: int) -> float:
    """Return the loss of M/D/1/K by the chain seen at departures; `places` counts the one served."""
    steps = [math.exp(-rho) * rho**k / math.factorial(k) for k in range(places + 1)]
    weights = [1.0]
    for n in range(places - 1):
        reached = weights[n] - weights[0] * steps[n]
        reached -= sum(weights[j] * steps[n - j + 1] for j in range(1, n + 1))
        weights.append(reached / steps[0])
    empty = weights[0] / sum(weights)
    return 1 - 1 / (empty + rho)


# load, places with the one served, loss and mean time over service of M/M/1/K, then of M/D/1/K
FINITE = [
    (0.8, 5, 0.088819, 2.563, 0.035290, 2.210),
    (0.95, 10, 0.069427, 5.079, 0.030596, 4.610),
    (0.95, 20, 0.027181, 8.824, 0.008069, 7.355),
    (1.0, 10, 0.090909, 5.500, 0.050847, 5.336),
    (1.3, 10, 0.244407, 7.449, 0.231823, 8.237),
]


def loss_and_time(result: lab.Result, service_ns: float) -> tuple[float, float]:
    """Return the share lost and the mean time in the system over the service time."""
    waits = result.waits()
    drops = len(result.drops())
    times = lab.mean(w.wait_ns + w.len_bytes * 8 for w in waits)
    return drops / (drops + len(waits)), times / service_ns


@pytest.mark.parametrize(("rho", "places", "loss", "time", "fixed_loss", "fixed_time"), FINITE)
def test_finite_buffers(
    rho: float, places: int, loss: float, time: float, fixed_loss: float, fixed_time: float
) -> None:
    packets = 200_000 if lab.LONG else 12_000
    scale = 1.0 if lab.LONG else 4.0
    qdisc = f'kind = "pfifo", limit = {places - 1}'
    assert erlang_loss(rho, places) == pytest.approx(fixed_loss, rel=1e-3)
    weights = [rho**n for n in range(places + 1)]
    assert weights[-1] / sum(weights) == pytest.approx(loss, rel=1e-4)
    text = lab.link(qdisc, poisson_flows(rho), duration=span(packets, rho))
    runs = [loss_and_time(lab.run(text, seed=seed), SERVICE_NS) for seed in range(1, 11)]
    check_finite(runs, fixed_loss, fixed_time, scale)
    runs = [
        loss_and_time(exponential(rho, seed, packets, qdisc), MEAN_BYTES * 8)
        for seed in range(1, 11)
    ]
    check_finite(runs, loss, time, scale)


def check_finite(
    runs: Sequence[tuple[float, float]], loss: float, time: float, scale: float
) -> None:
    """Assert that loss and time agree, loss under 1 % less closely."""
    found = lab.estimate([run[0] for run in runs])
    assert found.agrees(loss, (3 if loss > 0.01 else 5) * scale), (found, loss)
    found = lab.estimate([run[1] for run in runs])
    assert found.agrees(time, 2 * scale), (found, time)


def test_overload_loses_the_excess_and_keeps_the_link_busy() -> None:
    packets = 200_000 if lab.LONG else 100_000
    rho, limit = 1.3, 1000
    text = lab.link(
        f'kind = "pfifo", limit = {limit}', poisson_flows(rho), duration=span(packets, rho)
    )
    result = lab.run(text)
    waits = lab.after_warm_up(result.waits())
    assert mean_wait(waits) + SERVICE_NS == pytest.approx(7.99e6, rel=0.005 if lab.LONG else 0.01)
    first, last = waits[0], waits[-1]
    assert last.start_ns - first.start_ns == (len(waits) - 1) * SERVICE_NS  # not one gap
    border = waits[-1].arrived_ns // 10
    offered = sum(row[0] >= border for row in result.of_kind(lab.ARRIVE))
    drops = sum(row[0] >= border for row in result.of_kind(lab.DROP))
    share = drops / offered
    assert share == pytest.approx(1 - 1 / rho, abs=0.003 if lab.LONG else 0.006)
