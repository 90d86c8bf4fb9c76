"""Weighted fair queueing against the fluid it approximates, and what a shaped flow may count on.

Sources: Parekh and Gallager 1993 (PGPS within one packet of GPS); Goyal, Vin and Cheng 1996, theorem 4
(delay of start-time fair queueing).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

import pytest

from tests.theory import gps, lab
from tests.theory.loop import Departure, Packet

BITS_PER_NS = Fraction(1)  # 1 Gbit/s: a byte takes 8 ns, exactly
WEIGHTS = (1, 1, 2, 3, 5)
BY_MARK = """[program]
ranked = \"\"\"
queue = SkbMap(max_entries=100000)


def enqueue(skb, ctx):
    if not queue.push(skb, skb.mark):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()
\"\"\""""


def arrivals(seed: int, load: float, count: int = 1500) -> list[Packet]:
    """Return packets of flows of unequal demand in bursts, of 64 to 1514 bytes."""
    draw = random.Random(seed)
    now_ns, packets = 0, []
    while len(packets) < count:
        flow = draw.choices(range(len(WEIGHTS)), (5, 1, 2, 4, 3))[0]
        for _ in range(draw.choice((1, 1, 2, 9))):
            size = draw.choice((64, 200, 590, 1000, 1514))
            packets.append(Packet(len(packets) + 1, now_ns, flow, size))
            now_ns += draw.randrange(0, 2 * round(size * 8 / load))
    return apart(packets)


def apart(packets: Sequence[Packet]) -> list[Packet]:
    """Return the packets numbered in the order of their times, no two at one instant."""
    found: list[Packet] = []
    for packet in sorted(packets, key=lambda one: one.time_ns):
        time_ns = max(packet.time_ns, found[-1].time_ns + 1 if found else 0)
        found.append(packet._replace(number=len(found) + 1, time_ns=time_ns))
    return found


def replayed(
    packets: Sequence[Packet], marks: Sequence[int], qdisc: str, extra: str = ""
) -> list[Departure]:
    """Send packets with these marks through a qdisc at 1 Gbit/s; return their departures."""
    lines = ["time_ns,len,flow,mark"]
    lines += [
        f"{p.time_ns},{p.len_bytes},f{p.flow},{mark}"
        for p, mark in zip(packets, marks, strict=True)
    ]
    text = lab.link(qdisc, [lab.REPLAY], duration="100ms", extra=extra)
    result = lab.run(text, files={"arrivals.csv": "\n".join(lines).encode()}, order=False)
    found = result.departures()
    assert len(found) == len(packets)
    return found


def sent(
    departures: Sequence[Departure], packets: Sequence[Packet], flow: int, time_ns: Fraction
) -> Fraction:
    """Return the bits of a flow that were on the wire by a time."""
    bits = Fraction(0)
    for one in departures:
        if packets[one.number - 1].flow == flow and one.start_ns < time_ns:
            bits += min(time_ns, Fraction(one.end_ns)) - one.start_ns
    return bits


@pytest.mark.parametrize("load", [0.7, 0.95, 1.4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ranks_of_virtual_finish_are_within_one_packet_of_the_fluid(seed: int, load: float) -> None:
    packets = arrivals(seed, load)
    ideal = gps.fluid(packets, WEIGHTS, BITS_PER_NS)
    order = sorted(ideal.finish, key=lambda number: (ideal.finish[number], number))
    ranks = {number: rank for rank, number in enumerate(order)}
    marks = [ranks[packet.number] for packet in packets]
    departures = replayed(packets, marks, 'program = "ranked"', BY_MARK)
    longest_bits = 8 * max(packet.len_bytes for packet in packets)
    for one in departures:
        assert one.end_ns <= ideal.ends_ns[one.number] + longest_bits / BITS_PER_NS
    # The lag is piecewise linear, so it is greatest where either service bends.
    draw = random.Random(seed)
    bends = [Fraction(one.start_ns) for one in departures] + ideal.times_ns
    for time_ns in draw.sample(bends, 150):
        for flow in range(len(WEIGHTS)):
            lag = ideal.work(flow, time_ns) - sent(departures, packets, flow, time_ns)
            assert lag <= longest_bits


def test_the_fluid_serves_everything_in_proportion() -> None:
    packets = [Packet(1, 0, 0, 1000), Packet(2, 0, 1, 1000), Packet(3, 4000, 0, 500)]
    ideal = gps.fluid(packets, (1, 3), BITS_PER_NS)
    # Flow 1 takes 3/4 until 10.667 us; flow 0 has then 2,667 of its 12,000 bits and the link to itself.
    assert ideal.ends_ns[2] == Fraction(32_000, 3)
    assert ideal.ends_ns[1] == Fraction(16_000)
    assert ideal.ends_ns[3] == Fraction(20_000)
    assert ideal.work(1, Fraction(4000)) == 3000


@pytest.mark.parametrize("load", [0.9, 1.5])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_start_time_fair_queueing_keeps_its_delay_bound(seed: int, load: float) -> None:
    packets = arrivals(seed, load)
    departures = replayed(packets, [packet.flow for packet in packets], stfq())
    ends = {one.number: one.end_ns for one in departures}
    for packet, expected_ns in zip(packets, expected_arrivals(packets), strict=True):
        others = sum(longest(packets, flow) for flow in range(len(WEIGHTS)) if flow != packet.flow)
        # Ranks are whole multiples of 1/256 of a byte, each a little early.
        slack_ns = 8 * len(packets) / 256
        assert ends[packet.number] <= expected_ns + others + packet.len_bytes * 8 + slack_ns


@pytest.mark.parametrize("seed", [4, 5])
def test_a_shaped_flow_waits_no_longer_than_its_bucket_says(seed: int) -> None:
    """A flow that keeps to a leaky bucket (sigma, its share) has a bound whatever the others do."""
    packets = arrivals(seed, 2.0)
    shaped, sigma_bits = 3, 8 * 6000
    share = Fraction(WEIGHTS[shaped], sum(WEIGHTS))
    kept = [one for one in packets if one.flow != shaped]
    tokens, now_ns, draw = Fraction(sigma_bits), 0, random.Random(seed)
    while now_ns < packets[-1].time_ns:
        size = draw.choice((200, 590, 1000, 1514))
        if size * 8 <= tokens:
            kept.append(Packet(0, now_ns, shaped, size))
            tokens -= size * 8
        else:
            step_ns = draw.randrange(1, 40_000)
            now_ns += step_ns
            tokens = min(Fraction(sigma_bits), tokens + step_ns * share)
    packets = apart(kept)
    departures = replayed(packets, [packet.flow for packet in packets], stfq())
    ends = {one.number: one.end_ns for one in departures}
    others = sum(longest(packets, flow) for flow in range(len(WEIGHTS)) if flow != shaped)
    # Packets that came together are a nanosecond apart here.
    bound_ns = sigma_bits / share + 100 + others + longest(packets, shaped)
    worst_ns = max(ends[one.number] - one.time_ns for one in packets if one.flow == shaped)
    assert worst_ns <= bound_ns
    # The others are backlogged: without its share the flow would wait far longer.
    greedy_ns = max(ends[one.number] - one.time_ns for one in packets if one.flow != shaped)
    assert greedy_ns > 2 * bound_ns


def stfq() -> str:
    """Return start-time fair queueing with the flows' weights, room for all."""
    weights = [*WEIGHTS, *(1,) * (8 - len(WEIGHTS))]
    return f'kind = "stfq", limit = 100000, weights = {weights}'


def longest(packets: Sequence[Packet], flow: int) -> int:
    """Return the time of a flow's longest packet on the wire in ns."""
    return max((8 * one.len_bytes for one in packets if one.flow == flow), default=0)


def expected_arrivals(packets: Sequence[Packet]) -> list[Fraction]:
    """Return when each packet would be due if its flow had exactly its share: EAT of the paper."""
    total = sum(WEIGHTS)
    due: dict[int, Fraction] = {}
    found = []
    for packet in packets:
        now = max(Fraction(packet.time_ns), due.get(packet.flow, Fraction(0)))
        found.append(now)
        due[packet.flow] = now + Fraction(packet.len_bytes * 8 * total, WEIGHTS[packet.flow])
    return found
