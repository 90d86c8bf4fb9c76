"""Fair queueing: shares, bounds over every interval, and orders that are known exactly.

Sources: Shreedhar and Varghese 1996 (DRR); Goyal, Vin, Cheng 1996 (SFQ); Golestani 1994 (SCFQ);
Bennett and Zhang 1996 (the eleven sessions); Sivaraman et al. 2016 (PIFO).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.theory import lab, loop
from tests.theory.loop import Packet

QUANTA = (1514, 3028, 4542)


def classes(quanta: Sequence[int]) -> str:
    """Return DRR classes by mark."""
    lines = ["[class]"]
    lines += [
        f'"eth0 1:{i:x}" = {{ quantum = "{quantum}b" }}' for i, quantum in enumerate(quanta, 1)
    ]
    for number in range(1, len(quanta) + 1):
        lines += ["[[filter]]", 'parent = "eth0 1:"']
        lines += [f"match = {{ mark = {number} }}", f'classid = "1:{number:x}"']
    return "\n".join(lines)


def goodputs(result: lab.Result, from_ns: int, to_ns: int) -> list[float]:
    """Return bits per second sent by flow between two instants."""
    sent: dict[int, int] = {}
    for wait in result.waits():
        if from_ns <= wait.start_ns < to_ns:
            sent[wait.flow] = sent.get(wait.flow, 0) + wait.len_bytes
    return [sent[flow] * 8e9 / (to_ns - from_ns) for flow in sorted(sent)]


def constant_rates(megabits: Sequence[int], size: int = 1000) -> list[str]:
    """Return flows of constant rate, marked 1, 2, … and started apart."""
    return [
        f'f{i} = {{ model = "cbr", rate = "{rate}mbit", size = "{size}b", mark = {i}, start = "{i}us" }}'
        for i, rate in enumerate(megabits, 1)
    ]


def test_shares_are_max_min_fair() -> None:
    flows = constant_rates((10, 20, 40, 80, 80))
    text = lab.link(
        'kind = "drr"', flows, rate="100mbit", duration="1s", extra=classes((1514,) * 5)
    )
    found = goodputs(lab.run(text), 100_000_000, 1_000_000_000)
    assert found == pytest.approx([10e6, 20e6, 70e6 / 3, 70e6 / 3, 70e6 / 3], rel=0.01)


def test_shares_follow_the_weights_when_all_are_backlogged() -> None:
    flows = constant_rates((60,) * 5)
    quanta = (1500, 1500, 1500, 3000, 3000)
    text = lab.link('kind = "drr"', flows, rate="100mbit", duration="1s", extra=classes(quanta))
    found = goodputs(lab.run(text), 100_000_000, 1_000_000_000)
    assert found == pytest.approx([100e6 * q / 10_500 for q in quanta], rel=0.01)


def jain(values: Sequence[float]) -> float:
    """Return Jain's index."""
    return sum(values) ** 2 / (len(values) * sum(value * value for value in values))


@pytest.mark.parametrize("qdisc", ["drr", "sfq", "stfq", "fq_codel"])
def test_equal_backlogged_flows_get_equal_shares(qdisc: str) -> None:
    flows = constant_rates((60,) * 4)
    extra = classes((1514,) * 4) if qdisc == "drr" else ""
    # A shared tail-drop buffer would decide over the shares of flows that do not react; avoid it.
    options = ", limit = 100000" if qdisc == "stfq" else ""
    text = lab.link(
        f'kind = "{qdisc}"{options}', flows, rate="100mbit", duration="500ms", extra=extra
    )
    found = goodputs(lab.run(text), 50_000_000, 500_000_000)
    assert len(found) == 4
    assert jain(found) == pytest.approx(1, abs=0.001)


def backlogged(seed: int, flows: int, packets: int) -> tuple[list[Packet], int]:
    """Return packets of mixed sizes that all come at the start, and the longest length."""
    draw = random.Random(seed)
    listed = [
        Packet(number, number, (number - 1) % flows, draw.choice((64, 200, 576, 1000, 1514)))
        for number in range(1, packets + 1)
    ]
    return listed, max(packet.len_bytes for packet in listed)


def service_gap(
    waits: Sequence[lab.Wait], weights: Sequence[float], first: int, second: int
) -> float:
    """Return the largest difference of normalised service over any interval with both backlogged.

    Service is counted at the start of a packet; the difference over an interval is a difference of
    two prefix values, so the largest is their range.
    """
    left = {
        first: sum(w.flow == first for w in waits),
        second: sum(w.flow == second for w in waits),
    }
    level = low = high = 0.0
    for wait in waits:
        if wait.flow in left:
            sign = 1 if wait.flow == first else -1
            level += sign * wait.len_bytes / weights[wait.flow]
            low, high = min(low, level), max(high, level)
            left[wait.flow] -= 1
            if not left[wait.flow]:
                break
    return high - low


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_drr_never_lets_two_flows_drift_apart(seed: int) -> None:
    packets, longest = backlogged(seed, len(QUANTA), 900)
    text = lab.link(
        'kind = "drr"', [lab.REPLAY], rate="10mbit", extra=classes(QUANTA), duration="60s"
    )
    waits = lab.run(text, files=lab.recording(packets)).waits()[3:]
    smallest = min(QUANTA)
    weights = [quantum / smallest for quantum in QUANTA]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert service_gap(waits, weights, first, second) <= 2 * longest + smallest


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_start_time_fair_queueing_keeps_its_bound(seed: int) -> None:
    packets, longest = backlogged(seed, 4, 900)
    text = lab.link('kind = "stfq"', [lab.REPLAY], rate="10mbit", duration="60s")
    waits = lab.run(text, files=lab.recording(packets)).waits()[4:]
    for first in range(4):
        for second in range(first):
            assert service_gap(waits, (1.0,) * 4, first, second) <= 2 * longest


def ranked(expression: str, limit: int = 1000) -> str:
    """Return a program whose rank is an expression of skb and ctx."""
    return f'''
[program]
ranked = """
queue = SkbMap(max_entries={limit})
sent = HashMap(max_entries=64)

def enqueue(skb, ctx):
    if not queue.push(skb, {expression}):
        return DROP
    return QUEUED

def dequeue(ctx):
    return queue.pop()
"""
'''


def burst(count: int, flows: int) -> list[Packet]:
    """Return a first long packet that keeps the link busy, then a burst of mixed sizes."""
    draw = random.Random(7)
    packets = [Packet(1, 0, 0, 1514)]
    for number in range(2, count + 1):
        size = draw.choice((64, 300, 576, 1000, 1400))
        packets.append(Packet(number, number, draw.randrange(flows), size, draw.randrange(8)))
    return packets


def order(expression: str, packets: Sequence[Packet], in_order: bool = True) -> list[int]:
    """Return the packets' numbers in the order a ranked queue sends them."""
    text = lab.link(
        'program = "ranked"', [lab.REPLAY], rate="10mbit", extra=ranked(expression), duration="60s"
    )
    result = lab.run(text, files=lab.recording(packets), order=in_order)
    return [departure.number for departure in result.departures()]


def test_rank_by_arrival_is_first_in_first_out() -> None:
    assert order("ctx.now", burst(200, 5)) == list(range(1, 201))


def test_rank_against_arrival_is_last_in_first_out() -> None:
    assert order("RANK_MAX - ctx.now", burst(200, 5), in_order=False) == [1, *range(200, 1, -1)]


def test_rank_by_band_is_prio() -> None:
    packets = burst(300, 5)
    rank = "0 if skb.priority >= 6 else (1 if skb.priority == 0 or skb.priority == 4 else 2)"
    bands = loop.Prio(*(loop.Fifo(1000) for _ in range(3)))
    departures = loop.serve(packets, bands, 10_000_000).departures
    assert order(rank, packets, in_order=False) == [d.number for d in departures]


def test_rank_by_what_a_flow_has_left_is_shortest_remaining_first() -> None:
    sizes = (9, 3, 6)
    packets = [Packet(1, 0, 0, 1514)]
    for flow, count in enumerate(sizes):
        packets += [Packet(0, 0, flow, 1000) for _ in range(count)]
    packets = [p._replace(number=i, time_ns=i, priority=0) for i, p in enumerate(packets, 1)]
    left = {flow: count for flow, count in enumerate(sizes)}
    remaining = []
    for packet in packets[1:]:
        remaining.append((left[packet.flow], packet.number))
        left[packet.flow] -= 1
    # What a flow has left falls with each of its packets, so within a flow the last comes first.
    expected = [1] + [number for _, number in sorted(remaining)]
    by_flow = "(9 if skb.mark == 1 else (3 if skb.mark == 2 else 6)) - count(skb)"
    program = ranked(by_flow).replace(
        "def enqueue",
        "def count(skb: Skb):\n    seen = sent[skb.mark]\n"
        "    sent.update(skb.mark, seen + 1)\n    return seen\n\ndef enqueue",
        1,
    )
    first = packets[0]._replace(flow=7)
    text = lab.link(
        'program = "ranked"', [lab.REPLAY], rate="10mbit", extra=program, duration="60s"
    )
    text = text.replace("else 6)) - count", "else (6 if skb.mark == 3 else 64))) - count")
    result = lab.run(text, files=lab.recording([first, *packets[1:]]), order=False)
    assert [departure.number for departure in result.departures()] == expected


SESSIONS = '''
[program]
wfq = """
queue = SkbMap(max_entries=100)
finish = HashMap(max_entries=16)

def enqueue(skb, ctx):
    cost = 2 if skb.mark == 1 else 20
    tag = finish[skb.mark] + cost
    if skb.mark == 16:
        tag = 0
    finish.update(skb.mark, tag)
    if not queue.push(skb, tag):
        return DROP
    return QUEUED

def dequeue(ctx):
    return queue.pop()
"""
'''


def test_eleven_sessions_leave_as_weighted_fair_queueing_has_it() -> None:
    """Session 1 has half the link and eleven packets, ten others one each and a twentieth of it."""
    packets = [Packet(1, 0, 15, 1000)]  # occupies the link while the rest comes
    packets += [Packet(0, 0, 0, 1000)] * 11
    packets += [Packet(0, 0, session, 1000) for session in range(1, 11)]
    packets = [packet._replace(number=i, time_ns=i) for i, packet in enumerate(packets, 1)]
    text = lab.link('program = "wfq"', [lab.REPLAY], rate="10mbit", extra=SESSIONS, duration="1s")
    sent = lab.run(text, files=lab.recording(packets)).departures()
    flows = [packets[departure.number - 1].flow for departure in sent[1:]]
    assert flows[:10] == [0] * 10  # the tenth ties at 20 and came first
    assert sorted(flows[10:20]) == list(range(1, 11))
    assert flows[20:] == [0]
