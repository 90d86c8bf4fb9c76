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
        at: Gauge | None = self
        while at is not None:
            at.qlen += 1
            at.backlog += len_bytes
            if at.qlen > at.qlen_max:
                at.qlen_max = at.qlen
            if at.backlog > at.backlog_max:
                at.backlog_max = at.backlog
            at = at.parent

    def sub(self, len_bytes: int) -> None:
        """Count a packet out."""
        at: Gauge | None = self
        while at is not None:
            at.qlen -= 1
            at.backlog -= len_bytes
            at = at.parent
