"""Gauge: how many packets and bytes a qdisc holds, its children included."""

from __future__ import annotations

from sandbox.core.dialect import record


@record
class Gauge:
    """A counter of held packets and bytes; whatever is held here is also held by `parent`."""

    qlen: int = 0
    backlog: int = 0
    qlen_max: int = 0
    backlog_max: int = 0
    parent: Gauge | None = None

    def add(self, len_bytes: int) -> None:
        """Count a packet in."""
        gauge: Gauge | None = self
        while gauge is not None:
            gauge.qlen += 1
            gauge.backlog += len_bytes
            if gauge.qlen > gauge.qlen_max:
                gauge.qlen_max = gauge.qlen
            if gauge.backlog > gauge.backlog_max:
                gauge.backlog_max = gauge.backlog
            gauge = gauge.parent

    def sub(self, len_bytes: int) -> None:
        """Count a packet out."""
        gauge: Gauge | None = self
        while gauge is not None:
            gauge.qlen -= 1
            gauge.backlog -= len_bytes
            gauge = gauge.parent
