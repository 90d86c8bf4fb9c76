"""Source: when a flow's next packet comes, and what it is like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.dialect import Array, late, record
from sandbox.core.headers import Header
from sandbox.core.rng import Rng
from sandbox.core.stats import FlowStats

if TYPE_CHECKING:
    from sandbox.core.netdev import Netdev
    from sandbox.core.skb import Skb

CBR, POISSON, ONOFF, BURST, SCRIPT = 0, 1, 2, 3, 4
EXPONENTIAL, PARETO, CONSTANT = 0, 1, 2
NS_PER_S = 1_000_000_000


@record
class Source:
    """One flow's traffic. Every kind of randomness has a stream of its own: gaps, sizes, on/off periods."""

    index: int
    kind: int
    device: int  # ifindex
    header: Header
    stats: FlowStats
    gaps: Rng
    picks: Rng
    periods: Rng
    sizes: Array[int]
    weights: Array[int]  # cumulative; the last one is the total
    netdev: Netdev = late()
    rate_bps: int = 0
    interval_ns: int = 0
    mean_len: float = 0.0
    mean_ns: float = 0.0  # mean time between packets
    fixed_len: int = 0  # the one length of all its packets, 0 when they differ
    start_ns: int = 0
    stop_ns: int = -1
    count: int = 0
    sent: int = 0
    on: bool = True
    on_ns: int = 0
    off_ns: int = 0
    distribution: int = 0
    shape: float = 1.5
    on_until_ns: int = 0
    burst_packets: int = 0
    period_ns: int = 0
    left: int = 0
    remainder: int = 0
    times: Array[int] = late()
    lens: Array[int] = late()
    priorities: Array[int] = late()
    marks: Array[int] = late()
    toses: Array[int] = late()
    at: int = 0
    round_ns: int = 0
    loop_ns: int = 0
    priority: int = 0
    mark: int = 0
    tos: int = 0
    queue: int = -1
    deadline_ns: int = 0
    due: int = 0  # key of its pending arrival; an older event is void

    def first_ns(self) -> int:
        """Return when the first packet comes, -1 for never."""
        if self.kind == SCRIPT:
            return self.start_ns + self.times[0] if len(self.times) > 0 else -1
        if self.kind == POISSON:
            return self.start_ns + self.gap(self.expected_len())
        if self.kind == ONOFF:
            self.on_until_ns = self.start_ns + self._period(self.on_ns)
        self.left = self.burst_packets
        return self.start_ns

    def expected_len(self) -> int:
        """Return the mean length, rounded."""
        return int(self.mean_len + 0.5)

    def pick_len(self) -> int:
        """Return the length of the next packet in bytes."""
        if self.kind == SCRIPT:
            return self.lens[self.at]
        if len(self.sizes) == 1:
            return self.sizes[0]
        ticket = self.picks.below(self.weights[len(self.weights) - 1])
        i = 0
        while ticket >= self.weights[i]:
            i += 1
        return self.sizes[i]

    def gap(self, len_bytes: int) -> int:
        """Return the time to the packet after one of this length, in ns."""
        if self.kind == POISSON:
            return int(self.gaps.exponential() * self.mean_ns + 0.5)
        if self.rate_bps == 0:
            return self.interval_ns
        owed = len_bytes * 8 * NS_PER_S + self.remainder
        self.remainder = owed % self.rate_bps
        return owed // self.rate_bps

    def fill(self, skb: Skb, len_bytes: int, now_ns: int) -> None:
        """Write what is this source's own into a new packet."""
        skb.header = self.header
        skb.flow = self.index
        skb.stats = self.stats
        skb.len = len_bytes
        skb.ident = self.sent & 0xFFFF
        skb.born_ns = now_ns
        skb.priority = self.priority
        skb.mark = self.mark
        skb.tos = self.tos
        skb.ifindex = self.device
        skb.queue_mapping = self.queue + 1
        skb.deadline_ns = 0
        skb.tstamp = 0
        if self.deadline_ns > 0:
            skb.deadline_ns = now_ns + self.deadline_ns
            skb.tstamp = skb.deadline_ns
        if self.kind == SCRIPT:
            self._recorded(skb)
        self.sent += 1

    def _recorded(self, skb: Skb) -> None:
        """Take over what a recording says of this packet; a burst after its end is like its last one."""
        at = min(self.at, len(self.times) - 1)
        if len(self.priorities) > 0:
            skb.priority = self.priorities[at]
        if len(self.marks) > 0:
            skb.mark = self.marks[at]
        if len(self.toses) > 0:
            skb.tos = self.toses[at]

    def set_pace(self, rate_bps: int, interval_ns: int) -> None:
        """Set the pace: a rate when it is not 0, else one packet each interval."""
        self.rate_bps = rate_bps
        self.interval_ns = interval_ns
        self.remainder = 0
        self.mean_ns = float(interval_ns)
        if rate_bps > 0:
            self.mean_ns = self.mean_len * 8e9 / float(rate_bps)

    def next_ns(self, now_ns: int, len_bytes: int) -> int:
        """Return when the packet after the one sent now comes, -1 for never."""
        if self.count > 0 and self.sent >= self.count:
            return -1
        if self.kind == POISSON:
            return now_ns + int(self.gaps.exponential() * self.mean_ns + 0.5)
        return self._next_of_others(now_ns, len_bytes)

    def _next_of_others(self, now_ns: int, len_bytes: int) -> int:
        if self.kind == SCRIPT:
            return self._next_of_script()
        if self.kind == BURST:
            return self._next_of_burst(now_ns)
        at = now_ns + self.gap(len_bytes)
        if self.kind == ONOFF and at >= self.on_until_ns:
            at = self.on_until_ns + self._period(self.off_ns)
            self.on_until_ns = at + self._period(self.on_ns)
        return at

    def _next_of_script(self) -> int:
        self.at += 1
        if self.at == len(self.times):
            if self.loop_ns == 0:
                return -1
            self.at = 0
            self.round_ns += self.loop_ns
        return self.start_ns + self.round_ns + self.times[self.at]

    def _next_of_burst(self, now_ns: int) -> int:
        self.left -= 1
        if self.left > 0:
            return now_ns
        if self.period_ns == 0:
            return -1
        self.left = self.burst_packets
        self.round_ns += self.period_ns
        return self.start_ns + self.round_ns

    def _period(self, mean_ns: int) -> int:
        """Return the length of an on or off period of this mean, at least 1 ns."""
        if self.distribution == CONSTANT:
            return max(1, mean_ns)
        if self.distribution == EXPONENTIAL:
            return 1 + int(self.periods.exponential() * float(mean_ns))
        low = float(mean_ns) * (self.shape - 1.0) / self.shape
        return 1 + int(low * power_e(self.periods.exponential() / self.shape))


def power_e(x: float) -> float:
    """Return e**x for 0 <= x < 40; with an exponential x this makes Pareto variates."""
    whole = int(x)
    y = x - float(whole)
    total = 1.0
    for n in range(18, 0, -1):
        total = 1.0 + total * y / float(n)
    for _ in range(whole):
        total = total * 2.718281828459045
    return total
