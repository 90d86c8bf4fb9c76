"""IntQueue: Queue and Stack of ints, such as the list of active flows of a round robin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.dialect import Array, late, record
from sandbox.core.kinds import INTS

if TYPE_CHECKING:
    from sandbox.core.trace import Trace


@record
class IntQueue:
    """Up to `max_entries` ints in a ring; `stack` takes them back last in, first out."""

    trace: Trace
    place: int
    max_entries: int
    stack: bool
    items: Array[int] = late()
    head: int = 0
    length: int = 0
    refused: int = 0

    def open(self) -> None:
        """Allocate the ring."""
        self.items = Array(self.max_entries)

    def _at(self, index: int) -> int:
        at = self.head + index
        return at - self.max_entries if at >= self.max_entries else at

    def push(self, value: int, line: int) -> bool:
        """Put an int at the end; False when full."""
        if self.length >= self.max_entries:
            self.refused += 1
            return False
        self.items[self._at(self.length)] = value
        self.length += 1
        if self.trace.kept:
            self.trace.state(INTS, 1, self.place, value, line, 0, self.length)
        return True

    def peek(self) -> int | None:
        """Return the int that leaves next, None when empty."""
        if self.length == 0:
            return None
        return self.items[self._at(self.length - 1)] if self.stack else self.items[self.head]

    def pop(self, line: int) -> int | None:
        """Give the int that leaves next, None when empty."""
        if self.length == 0:
            return None
        value = self.items[self._at(self.length - 1)] if self.stack else self.items[self.head]
        if not self.stack:
            self.head = self._at(1)
        self.length -= 1
        if self.trace.kept:
            self.trace.state(INTS, 2, self.place, value, line, 0, self.length)
        return value
