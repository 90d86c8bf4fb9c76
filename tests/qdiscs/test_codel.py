"""CoDel against the pseudo-code of RFC 8289."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.qdiscs.rfc8289 import Codel, Law, drops, exact_law, linux_law
from tests.qdiscs.workload import Sent, play

RATE_BPS = 4_000_000
UNIT_SHIFT = 10
MAXPACKET = 1514


def oracle(law: Law, sent: list[Sent], *, target_us: int, interval_us: int) -> list[int]:
    codel = Codel(
        target=target_us * 1000 >> UNIT_SHIFT,
        interval=interval_us * 1000 >> UNIT_SHIFT,
        maxpacket=MAXPACKET,
        law=law,
        inclusive=False,
    )
    packets = [(one.time_ns, one.len_bytes) for one in sent]
    return drops(codel, packets, RATE_BPS, UNIT_SHIFT)


def traffic(seed: int, load: float, count: int) -> list[Sent]:
    """Return packets whose rate swings around a load, so that CoDel goes in and out of dropping."""
    rng = random.Random(seed)
    now = 0
    sent = []
    for number in range(count):
        swing = 1.8 if number // 150 % 3 else 0.4
        len_bytes = rng.choice([60, 500, 1000, 1514])
        now += round(len_bytes * 8e9 / RATE_BPS / load / swing * rng.uniform(0.1, 1.9)) + 1
        sent.append(Sent(now, number % 4, len_bytes))
    return sent


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    load=st.sampled_from([0.8, 1.0, 1.5, 3.0]),
    target_us=st.sampled_from([1000, 5000, 20_000]),
    interval_us=st.sampled_from([5000, 20_000, 100_000]),
)
def test_drops_are_those_of_the_rfc_under_linux_control_law(
    seed: int, load: float, target_us: int, interval_us: int
) -> None:
    sent = traffic(seed, load, 600)
    tc = f"qdisc add dev eth0 root handle 1: codel limit 5000 target {target_us}us interval {interval_us}us"
    ours = play(tc, sent)
    theirs = oracle(linux_law, sent, target_us=target_us, interval_us=interval_us)
    assert list(ours.dropped) == theirs


@pytest.mark.parametrize("seed", range(5))
def test_drops_are_as_many_as_the_exact_law_gives(seed: int) -> None:
    sent = traffic(seed, 1.5, 3000)
    ours = play("qdisc add dev eth0 root handle 1: codel limit 5000", sent)
    theirs = oracle(exact_law, sent, target_us=5000, interval_us=100_000)
    assert len(theirs) > 20
    assert len(ours.dropped) == pytest.approx(len(theirs), rel=0.1)


def test_the_oracle_itself_follows_the_law() -> None:
    """Under a standing queue it drops 0, 100, 170.711, 228.446 … ms after the first drop, at the next dequeue."""
    codel = Codel(5_000_000, 100_000_000, 1000, exact_law, True)
    drops(codel, [(at * 1_000_000, 1000) for at in range(1500)], RATE_BPS, 0)
    stated_ms = (0, 100, 170.711, 228.446, 278.446, 323.167, 363.992, 401.788, 437.144, 470.477)
    for at, stated in zip(codel.dropped_at, stated_ms, strict=False):
        assert 0 <= (at - codel.dropped_at[0]) / 1e6 - stated + 0.001 <= 2
