"""Fluid generalised processor sharing, exactly: what weighted fair queueing is measured against.

Every flow that has bits waiting is served at once, in proportion to its weight. Virtual time advances by
rate / (sum of the weights that are served), so that a packet's bits end when virtual time reaches its finish.

Source: Parekh and Gallager, "A Generalized Processor Sharing Approach to Flow Control", 1993.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush

from tests.theory.loop import Packet


@dataclass
class Fluid:
    """A finished fluid service; times in ns, work in bits."""

    finish: dict[int, Fraction] = field(default_factory=dict)  # by packet: virtual time
    ends_ns: dict[int, Fraction] = field(default_factory=dict)  # by packet: real time
    times_ns: list[Fraction] = field(default_factory=lambda: [Fraction(0)])
    served: list[dict[int, Fraction]] = field(default_factory=lambda: [{}])  # by flow at each time

    def work(self, flow: int, time_ns: Fraction) -> Fraction:
        """Return the bits of a flow that were served by a time; linear between the kept times."""
        at = bisect_right(self.times_ns, time_ns) - 1
        before = self.served[at].get(flow, Fraction(0))
        if at + 1 == len(self.times_ns):
            return before
        after = self.served[at + 1].get(flow, Fraction(0))
        share = (time_ns - self.times_ns[at]) / (self.times_ns[at + 1] - self.times_ns[at])
        return before + (after - before) * share


def fluid(packets: Sequence[Packet], weights: Sequence[int], bits_per_ns: Fraction) -> Fluid:
    """Return the fluid service of packets that come in order of time."""
    made = Fluid()
    now, virtual = Fraction(0), Fraction(0)
    last: dict[int, Fraction] = {}
    waiting: list[tuple[Fraction, int, int]] = []  # (finish, packet, flow)
    busy: dict[int, int] = {}  # packets by flow

    def serve(until_ns: Fraction | None) -> None:
        nonlocal now, virtual
        while waiting:
            total = sum(weights[flow] for flow in busy)
            ends = now + (waiting[0][0] - virtual) * total / bits_per_ns
            if until_ns is not None and ends > until_ns:
                break
            step(ends, total)
            _, number, flow = heappop(waiting)
            made.ends_ns[number] = ends
            busy[flow] -= 1
            if busy[flow] == 0:
                del busy[flow]
        if until_ns is not None:
            step(until_ns, sum(weights[flow] for flow in busy))

    def step(to_ns: Fraction, total: int) -> None:
        nonlocal now, virtual
        if to_ns == now:
            return
        if total:
            virtual += (to_ns - now) * bits_per_ns / total
        work = dict(made.served[-1])
        for flow in busy:
            share = (to_ns - now) * bits_per_ns * weights[flow] / total
            work[flow] = work.get(flow, Fraction(0)) + share
        made.times_ns.append(to_ns)
        made.served.append(work)
        now = to_ns

    for packet in packets:
        serve(Fraction(packet.time_ns))
        start = max(virtual, last.get(packet.flow, Fraction(0)))
        end = start + Fraction(packet.len_bytes * 8, weights[packet.flow])
        last[packet.flow] = made.finish[packet.number] = end
        busy[packet.flow] = busy.get(packet.flow, 0) + 1
        heappush(waiting, (end, packet.number, packet.flow))
    serve(None)
    return made
