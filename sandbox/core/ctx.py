"""Ctx: what an entry point is told about its call and its device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core import trap
from sandbox.core.dialect import late, record

if TYPE_CHECKING:
    from sandbox.core.instance import Instance
    from sandbox.core.qdisc import Qdisc


# As far ahead as anything is planned, 146 years: below what stands for never.
LATEST_NS = (1 << 62) - 1


def later(now_ns: int, delay_ns: int) -> int:
    """Return the moment so far from now, at most LATEST_NS."""
    return now_ns + min(delay_ns, LATEST_NS - now_ns)


@record
class Ctx:
    """One qdisc's (or hook's) context; `delay` is 0 and `classid` the handle at every entry."""

    instance: Instance
    now: int = 0
    classid: int = 0
    delay: int = 0
    queue: int = 0
    dev_ifindex: int = 0
    dev_mtu: int = 0
    dev_txqueuelen: int = 0
    dev_num_tx_queues: int = 0
    dev_rate_bps: int = 0
    qdisc: Qdisc | None = late()

    def qlen(self) -> int:
        """Return how many packets this qdisc holds, maps and children included."""
        return self.instance.gauge.qlen

    def backlog(self) -> int:
        """Return how many bytes this qdisc holds, maps and children included."""
        return self.instance.gauge.backlog

    def timer_after(self, ns: int, line: int) -> None:
        """Arm the qdisc's one timer; an earlier setting is forgotten."""
        if ns < 1:
            raise trap.Trap(trap.TIMER, line, ns)
        if self.qdisc is not None:
            self.qdisc.arm_timer(later(self.now, ns))
