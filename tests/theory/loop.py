"""A second simulator, as small as can be: one link, one queueing discipline, nothing shared with the core.

It exists to disagree. A packet is taken from the queue when the link is idle and is on the wire for
ceil(len · 8 · 10⁹ / rate) ns; at equal times a transmission ends before a packet arrives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

NS_PER_S = 1_000_000_000


class Packet(NamedTuple):
    """One arrival; `number` is its place in the order of arrival, from 1."""

    number: int
    time_ns: int
    flow: int
    len_bytes: int
    priority: int = 0
    rank: int = 0


class Departure(NamedTuple):
    """One packet's time on the wire."""

    number: int
    start_ns: int
    end_ns: int


class Discipline(Protocol):
    """A queue; `put` returns False when it drops the packet it was given."""

    def put(self, packet: Packet) -> bool: ...

    def take(self) -> Packet | None: ...


@dataclass
class Fifo:
    """First in, first out, at most `limit` packets."""

    limit: int
    waiting: deque[Packet] = field(default_factory=deque)

    def put(self, packet: Packet) -> bool:
        if len(self.waiting) >= self.limit:
            return False
        self.waiting.append(packet)
        return True

    def take(self) -> Packet | None:
        return self.waiting.popleft() if self.waiting else None


PRIOMAP = (1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)


class Prio:
    """Three fifos in strict order; the band is that of Linux's default map of priorities."""

    def __init__(self, limit: int) -> None:
        self.bands = [Fifo(limit) for _ in range(3)]

    def put(self, packet: Packet) -> bool:
        return self.bands[PRIOMAP[packet.priority & 15]].put(packet)

    def take(self) -> Packet | None:
        for band in self.bands:
            if band.waiting:
                return band.take()
        return None


class Rank:
    """The packet of the smallest rank first, the earliest of equals; kept as a sorted list."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.waiting: list[Packet] = []

    def put(self, packet: Packet) -> bool:
        if len(self.waiting) >= self.limit:
            return False
        self.waiting.append(packet)
        self.waiting.sort(key=lambda waiting: waiting.rank)  # a stable sort keeps ties in order
        return True

    def take(self) -> Packet | None:
        return self.waiting.pop(0) if self.waiting else None


class Drr:
    """Deficit round robin as Linux does it: a new flow joins the end of the round with one quantum.

    A flow whose head is longer than its deficit goes to the end with one quantum more.
    """

    def __init__(self, limit: int, quanta: Sequence[int]) -> None:
        self.flows = [Fifo(limit) for _ in quanta]
        self.quanta = quanta
        self.deficits = [0] * len(quanta)
        self.round: deque[int] = deque()

    def put(self, packet: Packet) -> bool:
        queue = self.flows[packet.flow]
        was_empty = not queue.waiting
        if not queue.put(packet):
            return False
        if was_empty:
            self.deficits[packet.flow] = self.quanta[packet.flow]
            self.round.append(packet.flow)
        return True

    def take(self) -> Packet | None:
        while self.round:
            flow = self.round[0]
            head = self.flows[flow].waiting[0]
            if head.len_bytes <= self.deficits[flow]:
                self.deficits[flow] -= head.len_bytes
                self.flows[flow].take()
                if not self.flows[flow].waiting:
                    self.round.popleft()
                return head
            self.round.rotate(-1)
            self.deficits[flow] += self.quanta[flow]
        return None


def wire_ns(len_bytes: int, rate_bps: int) -> int:
    """Return how long a packet is on the wire, rounded up."""
    return -(-len_bytes * 8 * NS_PER_S // rate_bps)


def serve(
    arrivals: Sequence[Packet], queue: Discipline, rate_bps: int
) -> tuple[list[Departure], list[int]]:
    """Return the departures in order and the numbers of the dropped packets."""
    departures: list[Departure] = []
    drops: list[int] = []
    free_ns = 0

    def drain(until_ns: int) -> None:
        nonlocal free_ns
        while free_ns <= until_ns and (packet := queue.take()) is not None:
            start = max(free_ns, packet.time_ns)
            free_ns = start + wire_ns(packet.len_bytes, rate_bps)
            departures.append(Departure(packet.number, start, free_ns))

    for packet in arrivals:
        drain(packet.time_ns)
        if not queue.put(packet):
            drops.append(packet.number)
        elif free_ns <= packet.time_ns:
            drain(packet.time_ns)
    drain(1 << 62)
    return departures, drops
