"""Table: HashMap, LruHashMap and ArrayMap in one record, values as flat 64-bit words.

A value is named by the index of its first word. A slot whose entry was deleted or evicted keeps its words until
the entry point returns (`settle`), so a record held by the program stays readable and writable till then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core import trap
from sandbox.core.dialect import Array, Dict, List, late, record
from sandbox.core.kinds import BIND, CELL

if TYPE_CHECKING:
    from sandbox.core.trace import Trace

HASH, LRU, ARRAY = 0, 1, 2


@record
class Table:
    """`kind` is HASH, LRU or ARRAY; `width` words a value; `initial` holds one value's defaults."""

    trace: Trace
    place: int
    kind: int
    max_entries: int
    width: int
    initial: Array[int]
    words: List[int] = late()
    slots: Dict[int, int] = late()
    keys: List[int] = late()
    next: List[int] = late()
    before: List[int] = late()
    free: List[int] = late()
    dying: List[int] = late()
    head: int = -1
    tail: int = -1
    length: int = 0
    refused: int = 0
    evicted: int = 0

    def open(self) -> None:
        """Allocate the storage; an array's entries exist from the start."""
        self.words = List()
        self.slots = Dict()
        self.keys = List()
        self.next = List()
        self.before = List()
        self.free = List()
        self.dying = List()
        if self.kind == ARRAY:
            self.length = self.max_entries
            for _ in range(self.max_entries):
                for i in range(self.width):
                    self.words.append(self.initial[i])

    def lookup(self, key: int) -> int:
        """Return the first word of a key's value, or -1; refreshes an LRU entry."""
        if self.kind == ARRAY:
            return key * self.width if 0 <= key < self.max_entries else -1
        slot = self.slots.get(key, -1)
        if slot < 0:
            return -1
        if self.kind == LRU and slot != self.tail:
            self._unlink(slot)
            self._link(slot)
        return slot * self.width

    def lookup_or_init(self, key: int, line: int) -> int:
        """Return the first word of a key's value, made with its defaults when absent; -1 when the map is full."""
        base = self.lookup(key)
        if base >= 0 or self.kind == ARRAY:
            return base
        slot = self._insert(key, line)
        return slot * self.width if slot >= 0 else -1

    def _insert(self, key: int, line: int) -> int:
        if self.length >= self.max_entries:
            if self.kind != LRU:
                self.refused += 1
                return -1
            self.evicted += 1
            self.delete(self.keys[self.head], line)
        if len(self.free) > 0:
            slot = self.free.pop()
            for i in range(self.width):
                self.words[slot * self.width + i] = self.initial[i]
        else:
            slot = len(self.keys)
            self.keys.append(0)
            self.next.append(-1)
            self.before.append(-1)
            for i in range(self.width):
                self.words.append(self.initial[i])
        self.keys[slot] = key
        self.slots[key] = slot
        self.length += 1
        self._link(slot)
        self.trace.state(BIND, 1, self.place, key, line, 0, slot)
        return slot

    def _link(self, slot: int) -> None:
        """Put a slot last in order."""
        self.before[slot] = self.tail
        self.next[slot] = -1
        if self.tail >= 0:
            self.next[self.tail] = slot
        else:
            self.head = slot
        self.tail = slot

    def _unlink(self, slot: int) -> None:
        before = self.before[slot]
        after = self.next[slot]
        if before >= 0:
            self.next[before] = after
        else:
            self.head = after
        if after >= 0:
            self.before[after] = before
        else:
            self.tail = before

    def update(self, key: int, value: int, line: int) -> bool:
        """Set an int map's value; False when the map is full or the index is outside the array."""
        base = self.lookup_or_init(key, line)
        if base < 0:
            return False
        self.write(base, 0, value, line)
        return True

    def update_record(self, key: int, source: List[int], at: int, line: int) -> bool:
        """Copy a record, `width` words of `source` from `at`, into a key's value."""
        base = self.lookup_or_init(key, line)
        if base < 0:
            return False
        for i in range(self.width):
            self.write(base, i, source[at + i], line)
        return True

    def write(self, base: int, offset: int, value: int, line: int) -> None:
        """Set a word of a value and show it in the trace."""
        self.words[base + offset] = value
        self.trace.state(CELL, 0, self.place, value, line, offset, base // self.width)

    def delete(self, key: int, line: int) -> bool:
        """Remove a key; False when it is not there. An array's value goes back to its defaults."""
        if self.kind == ARRAY:
            if not 0 <= key < self.max_entries:
                return False
            for i in range(self.width):
                self.write(key * self.width, i, self.initial[i], line)
            return True
        slot = self.slots.get(key, -1)
        if slot < 0:
            return False
        del self.slots[key]
        self._unlink(slot)
        self.length -= 1
        self.dying.append(slot)
        self.trace.state(BIND, 0, self.place, key, line, 0, slot)
        return True

    def settle(self) -> None:
        """Free the slots of entries deleted since the entry point began."""
        while len(self.dying) > 0:
            self.free.append(self.dying.pop())

    def contains(self, key: int) -> bool:
        """Return whether a key is there."""
        if self.kind == ARRAY:
            return 0 <= key < self.max_entries
        return key in self.slots

    def get(self, key: int) -> int:
        """Return an int map's value, 0 for a missing key."""
        base = self.lookup(key)
        return self.words[base] if base >= 0 else 0

    def first_slot(self) -> int:
        """Return the slot of the first key, -1 when empty."""
        if self.kind == ARRAY:
            return 0 if self.max_entries > 0 else -1
        return self.head

    def next_slot(self, slot: int) -> int:
        """Return the slot of the key after, -1 at the end."""
        if self.kind == ARRAY:
            return slot + 1 if slot + 1 < self.max_entries else -1
        return self.next[slot]

    def key_at(self, slot: int) -> int:
        """Return a slot's key."""
        return slot if self.kind == ARRAY else self.keys[slot]


def bad_index(index: int, line: int) -> int:
    """Fault: an index outside its array."""
    raise trap.Trap(trap.INDEX, line, index)
