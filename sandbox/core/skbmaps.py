"""Maps of skb maps: SkbMapArray and SkbMapHash, the map-in-map of the series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core import trap
from sandbox.core.dialect import Array, Dict, List, late, record
from sandbox.core.kinds import BIND, HELD

if TYPE_CHECKING:
    from sandbox.core.skb import Skb
    from sandbox.core.skbmap import Bound, SkbMap
    from sandbox.core.trace import Trace


@record
class SkbMapArray:
    """`count` skb maps by index."""

    inner: Array[SkbMap]
    count: int
    bound: Bound

    def at(self, index: int, line: int) -> SkbMap:
        """Return the map at an index; outside 0..count-1 is a fault of `line`."""
        if index < 0 or index >= self.count:
            raise trap.Trap(trap.INDEX, line, index)
        return self.inner[index]


@record
class SkbMapHash:
    """Up to `len(inner)` skb maps by key; a key is there while its map holds packets."""

    trace: Trace
    place: int
    inner: Array[SkbMap]
    bound: Bound
    slots: Dict[int, int] = late()
    keys: Array[int] = late()
    free: List[int] = late()

    def open(self) -> None:
        """Allocate the tables."""
        self.slots = Dict()
        self.keys = Array(len(self.inner))
        self.free = List(range(len(self.inner) - 1, -1, -1))

    def push(self, key: int, skb: Skb, rank: int, line: int) -> bool:
        """Push to the map of `key`, which is made when absent; False when it is full or no map is left."""
        if skb.state != HELD and rank >= 0:
            return True  # a filter that classified it has stolen it
        slot = self.slots.get(key, -1)
        if slot >= 0:
            return self.inner[slot].push(skb, rank, line)
        if len(self.free) == 0:
            if rank < 0:
                raise trap.Trap(trap.NEGATIVE_RANK, line, rank)
            return False
        slot = self.free[len(self.free) - 1]
        self.bind(key, slot, line)
        if self.inner[slot].push(skb, rank, line):
            return True
        self.unbind(slot, line)
        return False

    def bind(self, key: int, slot: int, line: int) -> None:
        """Give the last free map to a key."""
        self.free.pop()
        self.slots[key] = slot
        self.keys[slot] = key
        self.trace.state(BIND, 1, self.place, key, line, 0, slot)

    def unbind(self, slot: int, line: int) -> None:
        """Take an empty map from its key."""
        del self.slots[self.keys[slot]]
        self.free.append(slot)
        self.trace.state(BIND, 0, self.place, self.keys[slot], line, 0, slot)

    def find(self, key: int) -> SkbMap | None:
        """Return the map of a key, None when it holds nothing."""
        slot = self.slots.get(key, -1)
        return self.inner[slot] if slot >= 0 else None

    def settle(self, key: int, line: int) -> None:
        """Forget a key whose map has run empty."""
        slot = self.slots.get(key, -1)
        if slot >= 0 and self.inner[slot].length == 0:
            self.unbind(slot, line)

    def pop(self, key: int, line: int) -> Skb | None:
        """Give the first packet of a key's map."""
        inner = self.find(key)
        if inner is None:
            return None
        skb = inner.pop(line)
        self.settle(key, line)
        return skb

    def pop_last(self, key: int, line: int) -> Skb | None:
        """Give the last packet of a key's map."""
        inner = self.find(key)
        if inner is None:
            return None
        skb = inner.pop_last(line)
        self.settle(key, line)
        return skb

    def pop_rank(self, key: int, rank: int, line: int) -> Skb | None:
        """Give the earliest packet of exactly this rank from a key's map."""
        inner = self.find(key)
        if inner is None:
            return None
        skb = inner.pop_rank(rank, line)
        self.settle(key, line)
        return skb

    def peek(self, key: int) -> Skb | None:
        """Return the first packet of a key's map."""
        inner = self.find(key)
        return inner.peek() if inner is not None else None

    def peek_last(self, key: int) -> Skb | None:
        """Return the last packet of a key's map."""
        inner = self.find(key)
        return inner.peek_last() if inner is not None else None

    def len_of(self, key: int) -> int:
        """Return how many packets a key's map holds."""
        inner = self.find(key)
        return inner.length if inner is not None else 0

    def bytes_of(self, key: int) -> int:
        """Return how many bytes a key's map holds."""
        inner = self.find(key)
        return inner.bytes if inner is not None else 0

    def length(self) -> int:
        """Return the number of keys."""
        return len(self.slots)

    def recount(self) -> None:
        """Forget the keys whose maps were emptied from outside."""
        free = Array[int](len(self.inner))
        for i in range(len(self.free)):
            free[self.free[i]] = 1
        for slot in range(len(self.inner)):
            if free[slot] == 0 and self.inner[slot].length == 0:
                self.unbind(slot, 0)
