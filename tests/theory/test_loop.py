"""The engine's departures and drops are those of an independent small loop, packet by packet."""

from __future__ import annotations

import random

import pytest

from tests.invariants import PURGE, STOLEN
from tests.theory import lab, loop
from tests.theory.loop import Packet

RATE_BPS = 10_000_000
PACKETS = 4_000

RANK = '''
[program]
by_mark = """
queue = SkbMap(max_entries=30)

def enqueue(skb, ctx):
    if not queue.push(skb, RANKS):
        return DROP
    return QUEUED

def dequeue(ctx):
    return queue.pop()
"""
'''


def arrivals(seed: int, load: float, flows: int = 4) -> list[Packet]:
    """Return bursty traffic of mixed sizes and priorities, no two packets at one time."""
    draw = random.Random(seed)
    now = 0
    packets = []
    for number in range(1, PACKETS + 1):
        length = draw.choice((64, 64, 300, 576, 1000, 1514, 1514))
        mean_ns = loop.wire_ns(length, RATE_BPS) / load
        now += 1 + (0 if draw.random() < 0.5 else round(draw.expovariate(0.5 / mean_ns)))
        flow = draw.randrange(flows)
        packets.append(Packet(number, now, flow, length, draw.randrange(8), 7 - flow))
    return packets


def compare(scenario: str, packets: list[Packet], queue: loop.Discipline) -> None:
    """Assert that engine and loop do the same with the same packets."""
    result = lab.run(scenario, files=lab.recording(packets))
    link = loop.serve(packets, queue, RATE_BPS)
    assert result.departures() == link.departures
    assert result.drops() == link.drops


def scenario(qdisc: str, extra: str = "", limit: int = 1000) -> str:
    """Return a device under `qdisc` that replays the recording."""
    text = lab.link(qdisc, [lab.REPLAY], rate="10mbit", duration="60s", extra=extra)
    return text.replace("mtu = ", f"txqueuelen = {limit}, mtu = ")


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("load", "limit"), [(0.7, 1000), (1.3, 10), (0.95, 1)])
def test_pfifo_is_the_small_fifo(seed: int, load: float, limit: int) -> None:
    packets = arrivals(seed, load)
    compare(scenario(f'kind = "pfifo", limit = {limit}'), packets, loop.Fifo(limit))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("load", "limit"), [(0.9, 1000), (1.3, 10)])
def test_prio_is_three_small_fifos_in_order(seed: int, load: float, limit: int) -> None:
    packets = arrivals(seed, load)
    text = scenario('kind = "prio"', limit=limit)
    compare(text, packets, loop.Prio(*(loop.Fifo(limit) for _ in range(3))))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("load", "limit"), [(0.9, 1000), (1.4, 12)])
def test_drr_is_the_small_round_robin(seed: int, load: float, limit: int) -> None:
    quanta = (300, 600, 1514, 3000)
    lines = ["[class]"]
    lines += [f'"eth0 1:{i}" = {{ quantum = "{quantum}b" }}' for i, quantum in enumerate(quanta, 1)]
    for number in range(1, len(quanta) + 1):
        lines += ["[[filter]]", 'parent = "eth0 1:"']
        lines += [f"match = {{ mark = {number} }}", f'classid = "1:{number}"']
    text = scenario('kind = "drr"', "\n".join(lines), limit)
    compare(text, arrivals(seed, load), loop.Drr(limit, quanta))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("load", [0.9, 1.3])
def test_a_rank_queue_is_the_small_sorted_list(seed: int, load: float) -> None:
    extra = RANK.replace("RANKS", "8 - skb.mark")
    compare(scenario('program = "by_mark"', extra), arrivals(seed, load), loop.Rank(30))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_tree_of_classes_is_a_tree_of_small_queues(seed: int) -> None:
    """prio over a short fifo, a deficit round robin over two classes, and its default child."""
    packets = arrivals(seed, 1.2)
    extra = "\n".join(
        [
            "[class]",
            '"eth0 20:1" = { quantum = "1514b" }',
            '"eth0 20:2" = { quantum = "4542b" }',
            *(
                f'[[filter]]\nparent = "eth0 20:"\nmatch = {{ mark = {mark} }}\n'
                f'classid = "20:{1 + (mark > 2)}"'
                for mark in (1, 2, 3, 4)
            ),
        ]
    )
    text = scenario('kind = "prio"', extra, 40)
    children = [
        '"eth0 10:" = { parent = "1:1", kind = "pfifo", limit = 3 }',
        '"eth0 20:" = { parent = "1:2", kind = "drr" }',
    ]
    text = text.replace("[flow]", "\n".join([*children, "[flow]"]))
    quanta = (1514, 4542)
    middle = ByMark(40, quanta)
    compare(text, packets, loop.Prio(loop.Fifo(3), middle, loop.Fifo(40)))


class ByMark(loop.Drr):
    """Deficit round robin whose class is that of the packet's mark: 1, 2 → the first, 3, 4 → the second."""

    def put(self, packet: Packet) -> bool:
        return super().put(packet._replace(flow=packet.flow // 2))


PACED = '''
[program]
paced = """
queue = SkbMap(max_entries=50)
next_at = 0

def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    return QUEUED

def dequeue(ctx):
    global next_at
    if len(queue) == 0:
        return None
    if ctx.now < next_at:
        ctx.delay = next_at - ctx.now
        return THROTTLE
    next_at = ctx.now + 1_300_000
    return queue.pop()
"""
'''


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_throttle_waits_as_long_as_it_says(seed: int) -> None:
    packets = arrivals(seed, 0.4)
    compare(scenario('program = "paced"', PACED), packets, loop.Paced(50, 1_300_000))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_link_that_goes_down_loses_what_waits_and_comes_back_empty(seed: int) -> None:
    packets = arrivals(seed, 1.1)
    changes = [
        (500_000_001, False),
        (700_000_003, True),
        (1_000_000_007, False),
        (1_000_000_009, True),
    ]
    events = "\n".join(
        f'[[event]]\nat = "{at}ns"\ndo = "link-{"up" if up else "down"}"\ndevice = "eth0"'
        for at, up in changes
    )
    text = scenario('kind = "pfifo", limit = 100', events)
    result = lab.run(text, files=lab.recording(packets))
    link = loop.serve(packets, loop.Fifo(100), RATE_BPS, changes)
    assert result.departures() == link.departures
    assert result.drops() == link.drops
    assert sorted(row[1] for row in result.of_kind(PURGE)) == sorted(link.purged)


EGRESS = '''
[program]
edge = """
def egress(skb, ctx):
    if skb.mark == 2:
        return DROP
    if skb.mark == 3:
        return STOLEN
    skb.priority = 6 if skb.mark == 1 else 2
    return OK
"""
[egress]
eth0 = "edge"
'''


@pytest.mark.parametrize("seed", [1, 2])
def test_an_egress_program_decides_before_the_qdisc(seed: int) -> None:
    packets = arrivals(seed, 1.5)
    result = lab.run(scenario('kind = "prio"', EGRESS, 20), files=lab.recording(packets))
    passed = [p._replace(priority=6 if p.flow == 0 else 2) for p in packets if p.flow in (0, 3)]
    link = loop.serve(passed, loop.Prio(*(loop.Fifo(20) for _ in range(3))), RATE_BPS)
    assert result.departures() == link.departures
    refused = [p.number for p in packets if p.flow == 1]
    assert sorted(result.drops()) == sorted([*link.drops, *refused])
    assert [row[1] for row in result.of_kind(STOLEN)] == [p.number for p in packets if p.flow == 2]
