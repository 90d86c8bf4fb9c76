"""Token buckets: the envelope, a greedy source exactly, and no effect on what conforms."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from tests.theory import lab
from tests.theory.loop import Packet

RATE_BPS, BURST_BYTES, LEN_BYTES = 1_000_000, 10_000, 1_000
TBF = f'kind = "tbf", rate = "1mbit", burst = "{BURST_BYTES}b", limit = "1000000b"'


def test_a_greedy_source_gets_the_burst_and_then_one_packet_each_8_ms() -> None:
    flow = f'f = {{ model = "burst", burst = 100, size = "{LEN_BYTES}b" }}'
    sent = lab.run(lab.link(TBF, [flow], duration="900ms")).departures()
    starts = [departure.start_ns for departure in sent]
    assert len(starts) == 100
    assert starts[:10] == [number * 8_000 for number in range(10)]  # back to back at 1 Gbit/s
    for number, start_ns in enumerate(starts[10:], 1):
        assert start_ns == pytest.approx(number * 8_000_000, abs=100_000)
    gaps = [later - earlier for earlier, later in pairwise(starts[10:])]
    assert gaps == pytest.approx([8_000_000] * len(gaps), abs=1_000)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_output_stays_under_the_envelope(seed: int) -> None:
    draw = random.Random(seed)
    now, packets = 0, []
    for number in range(1, 1501):
        now += 1 + (0 if draw.random() < 0.8 else round(draw.expovariate(1 / 25_000_000)))
        packets.append(Packet(number, now, 0, draw.choice((64, 300, 1000, 1514))))
    text = lab.link(TBF, [lab.REPLAY], duration="600s")
    waits = lab.run(text, files=lab.recording(packets)).waits()
    assert [wait.skb for wait in waits] == sorted(wait.skb for wait in waits)
    # bytes in (s, t] ≤ burst + rate · (t − s) + one packet, over every pair of starts: the largest
    # excess is the range of sent(t) − rate · t, one packet more where the interval includes s.
    total, lowest, excess = 0.0, float("inf"), 0.0
    for wait in waits:
        level = total - RATE_BPS / 8e9 * wait.start_ns
        lowest = min(lowest, level)
        total += wait.len_bytes
        excess = max(excess, total - RATE_BPS / 8e9 * wait.start_ns - lowest)
    assert excess <= BURST_BYTES + 1514 + 1


def test_what_conforms_is_not_delayed() -> None:
    flow = 'f = { model = "cbr", rate = "900kbit", size = "1000b" }'
    waits = lab.run(lab.link(TBF, [flow], duration="5s")).waits()
    assert len(waits) > 500
    assert all(wait.wait_ns == 0 for wait in waits)


def test_a_bucket_as_fast_as_the_link_changes_nothing() -> None:
    flows = [f'f{i} = {{ model = "poisson", rate = "30mbit", size = "imix" }}' for i in range(3)]
    fast = 'kind = "tbf", rate = "1gbit", burst = "100kb", limit = "10000000b"'
    shaped = lab.run(lab.link(fast, flows, rate="100mbit", duration="500ms"))
    plain = lab.run(
        lab.link('kind = "pfifo", limit = 100000', flows, rate="100mbit", duration="500ms")
    )
    assert shaped.departures() == plain.departures()
