"""How far a run may go: the rows that the browser has asked for, and whether it is paused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.protocol import ProtocolError


@dataclass(slots=True)
class Allowance:
    """Rows that may still be sent; while paused only those of `steps`. Without a trace none are asked for."""

    traced: bool
    credit: int
    steps: int = 0
    paused: bool = False

    @property
    def idle(self) -> bool:
        """Whether a worker has nothing to do until the browser says so."""
        if self.paused and not self.steps:
            return True
        return self.traced and self.credit <= 0

    def hold(self, paused: bool) -> None:
        """Pause or go on."""
        self.paused, self.steps = paused, 0

    def give(self, rows: int) -> None:
        """Allow so many rows more."""
        self.credit += rows

    def step(self, rows: int) -> None:
        """Allow so many rows more, then pause."""
        self.credit += rows
        self.steps += rows
        self.paused = True

    def spend(self, rows: int) -> None:
        """Take note of rows that were sent; raises ProtocolError when they are more than there may be."""
        if rows > self.credit:
            raise ProtocolError("bad-frame", "a worker sends more rows than it may")
        self.credit -= rows
        self.steps = max(0, self.steps - rows)

    def to_task(self) -> dict[str, Any]:
        """Return what a worker is told of it."""
        return {"credit": max(0, self.credit), "paused": self.paused, "steps": self.steps}
