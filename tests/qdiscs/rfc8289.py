"""CoDel as RFC 8289 section 5 has it, on a queue and a link of its own: an oracle that shares no code with the project.

Two things are choices here, because Linux differs from the RFC in them: the control law, and whether a wait that has
been above target for exactly an interval may drop (RFC: yes; Linux: one unit later). Times are in whatever unit the
caller uses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import sqrt

Law = Callable[["Codel", int], int]


def exact_law(codel: Codel, start: int) -> int:
    """Return start + interval / sqrt(count), as the RFC writes it."""
    return start + int(codel.interval / sqrt(codel.count))


def linux_law(codel: Codel, start: int) -> int:
    """Return the same with 1 / sqrt(count) as a 16-bit fraction."""
    return start + (codel.interval * codel.fraction >> 16)


@dataclass
class Codel:
    """The state variables of the RFC; `fraction` is Linux's own."""

    target: int
    interval: int
    maxpacket: int
    law: Law
    inclusive: bool
    queue: deque[tuple[int, int, int]] = field(default_factory=deque)  # number, bytes, arrival
    first_above_time: int = 0
    drop_next: int = 0
    count: int = 0
    lastcount: int = 0
    dropping: bool = False
    fraction: int = 0
    dropped: list[int] = field(default_factory=list)
    dropped_at: list[int] = field(default_factory=list)

    def dodequeue(self, now: int) -> tuple[tuple[int, int, int] | None, bool]:
        """Take the head; say whether it is right to drop it."""
        if not self.queue:
            self.first_above_time = 0
            return None, False
        packet = self.queue.popleft()
        left = sum(waiting[1] for waiting in self.queue)
        if now - packet[2] < self.target or left <= self.maxpacket:
            self.first_above_time = 0
            return packet, False
        if self.first_above_time == 0:
            self.first_above_time = now + self.interval
            return packet, False
        past = now - self.first_above_time
        return packet, past >= 0 if self.inclusive else past > 0

    def drop(self, packet: tuple[int, int, int], now: int) -> None:
        """Note a dropped packet."""
        self.dropped.append(packet[0])
        self.dropped_at.append(now)

    def improve(self) -> None:
        """One Newton step of the fraction towards 1 / sqrt(count)."""
        square = self.fraction * self.fraction
        self.fraction = (((3 << 32) - self.count * square) >> 2) * self.fraction >> 31

    def dequeue(self, now: int) -> tuple[int, int, int] | None:
        """Return the packet to send."""
        packet, ok_to_drop = self.dodequeue(now)
        if self.dropping:
            if not ok_to_drop:
                self.dropping = False
            while self.dropping and now >= self.drop_next and packet is not None:
                self.drop(packet, now)
                self.count += 1
                self.improve()
                packet, ok_to_drop = self.dodequeue(now)
                if not ok_to_drop:
                    self.dropping = False
                else:
                    self.drop_next = self.law(self, self.drop_next)
        elif ok_to_drop and packet is not None:
            self.drop(packet, now)
            packet, ok_to_drop = self.dodequeue(now)
            self.dropping = True
            delta = self.count - self.lastcount
            if delta > 1 and now - self.drop_next < 16 * self.interval:
                self.count = delta
                self.improve()
            else:
                self.count = 1
                self.fraction = 65535
            self.drop_next = self.law(self, now)
            self.lastcount = self.count
        return packet


def drops(
    codel: Codel, packets: list[tuple[int, int]], bits_per_second: int, unit_shift: int
) -> list[int]:
    """Return the packets that CoDel drops on a link fed with (time in ns, bytes).

    Arrivals at the very instant the link falls idle come after its choice. `unit_shift` turns ns into the units of
    `codel`.
    """
    idle_at = 0
    at = 0
    while at < len(packets) or codel.queue:
        if not codel.queue:
            idle_at = max(idle_at, packets[at][0])
            codel.queue.append((at, packets[at][1], packets[at][0] >> unit_shift))
            at += 1
        while at < len(packets) and packets[at][0] < idle_at:
            codel.queue.append((at, packets[at][1], packets[at][0] >> unit_shift))
            at += 1
        sent = codel.dequeue(idle_at >> unit_shift)
        if sent is not None:
            idle_at += -(-sent[1] * 8 * 10**9 // bits_per_second)
    return codel.dropped
