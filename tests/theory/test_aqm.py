"""CoDel's control law under a load that does not react (RFC 8289), and its silence without cause."""

from __future__ import annotations

from math import sqrt

import pytest

from tests.theory import lab

INTERVAL_NS, TARGET_NS = 100_000_000, 5_000_000
PACKET_NS = 800_000  # 1000 bytes at 10 Mbit/s
OVERLOAD = ['f = { model = "cbr", rate = "30mbit", size = "1000b" }']


RFC = '''
[program]
rfc = """
INTERVAL = 100_000_000
TARGET = 5_000_000
queue = SkbMap(max_entries=100000)
first_above = 0
drop_next = 0
count = 0
dropping = False

def gap(k):
    return INTERVAL * 1000 // isqrt(k * 1_000_000)

def ok_to_drop(skb: Skb, ctx):
    global first_above
    if ctx.now - skb.enqueued_at < TARGET or ctx.backlog <= ctx.dev.mtu:
        first_above = 0
        return False
    if first_above == 0:
        first_above = ctx.now + INTERVAL
        return False
    return ctx.now >= first_above

def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    return QUEUED

def dequeue(ctx):
    global drop_next, count, dropping
    skb = queue.pop()
    if skb is None:
        return None
    late = ok_to_drop(skb, ctx)
    if not late:
        dropping = False
        return skb
    if not dropping:
        dropping = True
        count = 1
        drop_next = ctx.now + gap(1)
    elif ctx.now >= drop_next:
        count += 1
        drop_next = drop_next + gap(count)
    else:
        return skb
    drop(skb, "standing queue")
    return queue.pop()
"""
'''
LIBRARY = 'kind = "codel", limit = 100000'


def codel_drops(qdisc: str, duration: str) -> tuple[lab.Result, list[int]]:
    """Return a run whose sojourn never falls below the target again, and when it dropped."""
    extra = RFC if "program" in qdisc else ""
    text = lab.link(qdisc, OVERLOAD, rate="10mbit", duration=duration, extra=extra)
    result = lab.run(text)
    return result, [row[0] for row in result.of_kind(lab.DROP)]


def newton(count: int, guess: float) -> float:
    """Return Linux's next 1/√count: one Newton step from the last one, which begins at 1."""
    return guess * (3 - count * guess * guess) / 2


@pytest.mark.parametrize("qdisc", ['program = "rfc"', LIBRARY])
def test_the_first_drop_comes_one_interval_after_the_target_is_exceeded(qdisc: str) -> None:
    result, drops = codel_drops(qdisc, "1s")
    over = next(w.start_ns for w in result.waits() if w.wait_ns >= TARGET_NS)
    assert 0 <= drops[0] - over - INTERVAL_NS <= 2 * PACKET_NS


def test_drops_follow_the_law_of_the_inverse_square_root() -> None:
    """The law gives when a drop is due; it happens at the next dequeue."""
    _, drops = codel_drops('program = "rfc"', "3s")
    due = 0.0
    for count in range(1, 100):
        due += INTERVAL_NS / sqrt(count)
        assert 0 <= drops[count] - drops[0] - due + 1 <= 2 * PACKET_NS, count
    stated_ms = (0, 100, 170.711, 228.446, 278.446, 323.167, 363.992, 401.788, 437.144, 470.477)
    for at, stated in zip(drops, stated_ms, strict=False):
        assert (at - drops[0]) / 1e6 == pytest.approx(stated, abs=2 * PACKET_NS / 1e6)


def test_the_librarys_drops_follow_linux_approximation_of_the_law() -> None:
    """Linux takes one Newton step for each drop, so its second gap is half an interval, not 0.707 of one."""
    _, drops = codel_drops(LIBRARY, "3s")
    due, guess = 0.0, 1.0
    for count in range(1, 100):
        due += INTERVAL_NS * guess
        assert drops[count] - drops[0] == pytest.approx(due, abs=2 * PACKET_NS + 0.01 * due), count
        guess = newton(count + 1, guess)
    assert guess == pytest.approx(1 / sqrt(100), rel=0.001)  # and from then on it is the law


# Drops within so many seconds after the first, counting it; the long ones in the long run only.
LAW = [(1, 33), (2, 115)] + ([(5, 662), (10, 2574)] if lab.LONG else [])


@pytest.mark.parametrize(("seconds", "expected"), LAW)
def test_drops_after_the_first_are_as_many_as_the_law_says(seconds: int, expected: int) -> None:
    _, drops = codel_drops('program = "rfc"', f"{seconds + 1}s")
    within = sum(at <= drops[0] + seconds * 1_000_000_000 for at in drops)
    assert within == pytest.approx(expected, abs=max(1, 0.02 * expected))


def test_nothing_is_dropped_below_the_target() -> None:
    flows = ['f = { model = "poisson", rate = "5mbit", size = "1000b" }']
    result = lab.run(lab.link('kind = "codel"', flows, rate="10mbit", duration="20s"))
    assert max(wait.wait_ns for wait in result.waits()) > TARGET_NS  # short excesses are forgiven
    assert result.drops() == []


def test_an_infinite_target_is_a_fifo() -> None:
    off = 'kind = "codel", limit = 1000, target = "10s", interval = "10s"'
    codel = lab.run(lab.link(off, OVERLOAD, rate="10mbit", duration="1s"))
    fifo = lab.run(lab.link('kind = "pfifo", limit = 1000', OVERLOAD, rate="10mbit", duration="1s"))
    assert codel.departures() == fifo.departures()
    assert codel.drops() == fifo.drops()
