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
        qlen = self.qlen + 1
        backlog = self.backlog + len_bytes
        self.qlen = qlen
        self.backlog = backlog
        if qlen > self.qlen_max:
            self.qlen_max = qlen
        if backlog > self.backlog_max:
            self.backlog_max = backlog
        if self.parent is not None:
            self.parent.add(len_bytes)

    def sub(self, len_bytes: int) -> None:
        """Count a packet out."""
        self.qlen -= 1
        self.backlog -= len_bytes
        if self.parent is not None:
            self.parent.sub(len_bytes)
