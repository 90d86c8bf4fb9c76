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
    """A queue; `put` returns False when it drops the packet it was given.

    `take` gives a packet, None when it has none, or the time before which it gives none.
    """

    def put(self, packet: Packet) -> bool: ...

    def take(self, now_ns: int) -> Packet | int | None: ...

    def clear(self) -> list[int]: ...


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

    def take(self, now_ns: int = 0) -> Packet | None:
        return self.waiting.popleft() if self.waiting else None

    def clear(self) -> list[int]:
        gone = [packet.number for packet in self.waiting]
        self.waiting.clear()
        return gone


PRIOMAP = (1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)


class Prio:
    """Queues in strict order; the band is that of Linux's default map of priorities."""

    def __init__(self, *bands: Discipline) -> None:
        self.bands = bands

    def put(self, packet: Packet) -> bool:
        return self.bands[PRIOMAP[packet.priority & 15]].put(packet)

    def take(self, now_ns: int) -> Packet | int | None:
        for band in self.bands:
            packet = band.take(now_ns)
            if packet is not None:
                return packet
        return None

    def clear(self) -> list[int]:
        return [number for band in self.bands for number in band.clear()]


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

    def take(self, now_ns: int) -> Packet | None:
        return self.waiting.pop(0) if self.waiting else None

    def clear(self) -> list[int]:
        gone = [packet.number for packet in self.waiting]
        self.waiting.clear()
        return gone


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

    def take(self, now_ns: int) -> Packet | None:
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

    def clear(self) -> list[int]:
        self.round.clear()
        return [number for flow in self.flows for number in flow.clear()]


class Paced:
    """A fifo that gives one packet each `gap_ns` at most."""

    def __init__(self, limit: int, gap_ns: int) -> None:
        self.fifo = Fifo(limit)
        self.gap_ns = gap_ns
        self.next_ns = 0

    def put(self, packet: Packet) -> bool:
        return self.fifo.put(packet)

    def take(self, now_ns: int) -> Packet | int | None:
        if not self.fifo.waiting:
            return None
        if now_ns < self.next_ns:
            return self.next_ns
        self.next_ns = now_ns + self.gap_ns
        return self.fifo.take()

    def clear(self) -> list[int]:
        return self.fifo.clear()


def wire_ns(len_bytes: int, rate_bps: int) -> int:
    """Return how long a packet is on the wire, rounded up."""
    return -(-len_bytes * 8 * NS_PER_S // rate_bps)


@dataclass
class Link:
    """One link in front of a queue, and what became of every packet."""

    queue: Discipline
    rate_bps: int
    up: bool = True
    free_ns: int = 0
    departures: list[Departure] = field(default_factory=list)
    drops: list[int] = field(default_factory=list)
    purged: list[int] = field(default_factory=list)

    def drain(self, now_ns: int, until_ns: int) -> None:
        """Send what the queue gives before or at `until_ns`; it could be asked first at `now_ns`."""
        at_ns = max(now_ns, self.free_ns)
        while self.up and at_ns <= until_ns:
            packet = self.queue.take(at_ns)
            if packet is None:
                return
            if isinstance(packet, int):
                at_ns = packet
                continue
            self.free_ns = at_ns + wire_ns(packet.len_bytes, self.rate_bps)
            self.departures.append(Departure(packet.number, at_ns, self.free_ns))
            at_ns = self.free_ns

    def arrive(self, packet: Packet) -> None:
        """Offer a packet; it may start at once."""
        if not self.up or not self.queue.put(packet):
            self.drops.append(packet.number)
        self.drain(packet.time_ns, packet.time_ns)

    def down(self, now_ns: int) -> None:
        """Lose what waits and what is on the wire."""
        self.up = False
        self.purged += self.queue.clear()
        if self.departures and self.departures[-1].end_ns > now_ns:
            self.purged.append(self.departures[-1].number)
        self.free_ns = 0


def serve(
    arrivals: Sequence[Packet],
    queue: Discipline,
    rate_bps: int,
    changes: Sequence[tuple[int, bool]] = (),
) -> Link:
    """Return the link after all arrivals; `changes` are the times at which it goes down (False) or up."""
    link = Link(queue, rate_bps)
    now_ns = 0
    moments: list[tuple[int, int, Packet | bool]] = [(p.time_ns, 1, p) for p in arrivals]
    moments += [(at_ns, 0, up) for at_ns, up in changes]
    for at_ns, _, what in sorted(moments, key=lambda moment: moment[:2]):
        link.drain(now_ns, at_ns)
        now_ns = at_ns
        if isinstance(what, Packet):
            link.arrive(what)
        elif what:
            link.up = True
        else:
            link.down(at_ns)
    link.drain(now_ns, 1 << 62)
    return link
