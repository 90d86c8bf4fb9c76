"""Classes of a qdisc: the tc class, its statistics and child, and the program's record for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.dialect import Array, Dict, List, late, record
from sandbox.core.kinds import CELL

if TYPE_CHECKING:
    from sandbox.core.qdisc import Qdisc
    from sandbox.core.trace import Trace


@record
class TcClass:
    """A tc class: `child` is the qdisc grafted to it."""

    classid: int
    place: int
    child: Qdisc | None = None
    peeked: int = 0
    bytes: int = 0
    packets: int = 0
    drops: int = 0
    overlimits: int = 0


@record
class ClassTable:
    """The classes of one qdisc in creation order, with `width` words of the program's ClassRecord each."""

    trace: Trace
    place: int
    width: int
    words: List[int] = late()
    items: List[TcClass] = late()
    index: Dict[int, int] = late()

    def open(self) -> None:
        """Allocate the tables."""
        self.words = List()
        self.items = List()
        self.index = Dict()

    def add(self, tc_class: TcClass, values: Array[int]) -> None:
        """Append a class with the first values of its record."""
        self.index[tc_class.classid] = len(self.items)
        self.items.append(tc_class)
        for i in range(self.width):
            self.words.append(values[i])

    def find(self, classid: int) -> TcClass | None:
        """Return a class, None when it does not exist."""
        at = self.index.get(classid, -1)
        return self.items[at] if at >= 0 else None

    def class_of(self, classid: int) -> int:
        """Return the first word of a class's record, or -1."""
        at = self.index.get(classid, -1)
        return at * self.width if at >= 0 else -1

    def first_class(self) -> int:
        """Return the position of the first class, -1 when there is none."""
        return 0 if len(self.items) > 0 else -1

    def next_class(self, at: int) -> int:
        """Return the position of the class after, -1 at the end."""
        return at + 1 if at + 1 < len(self.items) else -1

    def base_of(self, at: int) -> int:
        """Return the first word of the record of the class at a position."""
        return at * self.width

    def write(self, base: int, offset: int, value: int, line: int) -> None:
        """Set a word of a class's record and show it in the trace."""
        self.words[base + offset] = value
        self.trace.state(CELL, 1, self.place, value, line, offset, base // self.width)
