"""Maps of skb maps: SkbMapArray, SkbMapHash and FlowMap, the map-in-map of the series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core import trap
from sandbox.core.dialect import Array, Dict, List, late, record
from sandbox.core.kinds import BIND, HELD, SET_RANK

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


@record
class FlowMap:
    """Skb maps by key, ordered by a rank of their own that may change while packets wait.

    A key exists from its first push or `set_rank` until it is deleted. `order` is a heap of slots by (rank, number of
    the latest set_rank), `spots` says where in it a slot is, from 1, 0 for nowhere. A slot whose packets are gone stays
    there until it is on top.
    """

    trace: Trace
    place: int
    inner: Array[SkbMap]
    bound: Bound
    slots: Dict[int, int] = late()
    keys: Array[int] = late()
    ranks: Array[int] = late()
    stamps: Array[int] = late()
    spots: Array[int] = late()
    free: List[int] = late()
    order: List[int] = late()
    stamp: int = 0

    def open(self) -> None:
        """Allocate the tables."""
        count = len(self.inner)
        self.slots = Dict()
        self.keys = Array(count)
        self.ranks = Array(count)
        self.stamps = Array(count)
        self.spots = Array(count)
        self.free = List(range(count - 1, -1, -1))
        self.order = List()

    def _slot(self, key: int, line: int) -> int:
        """Return the slot of a key, made when absent; -1 when none is left."""
        slot = self.slots.get(key, -1)
        if slot < 0 and len(self.free) > 0:
            slot = self.free.pop()
            self.slots[key] = slot
            self.keys[slot] = key
            self.ranks[slot] = 0
            self._stamp(slot)
            self.trace.state(BIND, 1, self.place, key, line, 0, slot)
        return slot

    def _stamp(self, slot: int) -> None:
        self.stamp += 1
        self.stamps[slot] = self.stamp

    def _ahead(self, slot: int, other: int) -> bool:
        """Return whether a slot comes before another: of equal ranks the one ranked longer ago."""
        rank = self.ranks[slot]
        against = self.ranks[other]
        if rank != against:
            return rank < against
        return self.stamps[slot] < self.stamps[other]

    def _put(self, at: int, slot: int) -> None:
        self.order[at] = slot
        self.spots[slot] = at + 1

    def _rise(self, at: int, slot: int) -> None:
        """Put a slot at a place of the heap, or as far above as it belongs."""
        while at > 0:
            above = self.order[(at - 1) >> 1]
            if not self._ahead(slot, above):
                break
            self._put(at, above)
            at = (at - 1) >> 1
        self._put(at, slot)

    def _sink(self, at: int, slot: int) -> None:
        """Put a slot at a place of the heap, or as far below as it belongs."""
        order = self.order
        count = len(order)
        while 2 * at + 1 < count:
            child = 2 * at + 1
            if child + 1 < count and self._ahead(order[child + 1], order[child]):
                child += 1
            below = order[child]
            if not self._ahead(below, slot):
                break
            self._put(at, below)
            at = child
        self._put(at, slot)

    def _place_anew(self, at: int, slot: int) -> None:
        """Put a slot where it belongs, starting from a place of the heap."""
        if at > 0 and self._ahead(slot, self.order[(at - 1) >> 1]):
            self._rise(at, slot)
        else:
            self._sink(at, slot)

    def _unlist(self, slot: int) -> None:
        """Take a slot out of the heap."""
        at = self.spots[slot] - 1
        self.spots[slot] = 0
        last = self.order.pop()
        if last != slot:
            self._place_anew(at, last)

    def push(self, key: int, skb: Skb, rank: int, line: int) -> bool:
        """Push to the map of `key`; False when it is full or `max_flows` keys exist."""
        if skb.state != HELD and rank >= 0:
            return True  # a filter that classified it has stolen it
        slot = self._slot(key, line)
        if slot < 0:
            if rank < 0:
                raise trap.Trap(trap.NEGATIVE_RANK, line, rank)
            return False
        inner = self.inner[slot]
        if not inner.push(skb, rank, line):
            return False
        if self.spots[slot] == 0:
            self.order.append(slot)
            self._rise(len(self.order) - 1, slot)
        return True

    def pop(self, key: int, line: int) -> Skb | None:
        """Give the first packet of a key's map."""
        slot = self.slots.get(key, -1)
        if slot < 0:
            return None
        return self.inner[slot].pop(line)

    def peek(self, key: int) -> Skb | None:
        """Return the first packet of a key's map."""
        slot = self.slots.get(key, -1)
        return self.inner[slot].peek() if slot >= 0 else None

    def first(self) -> int:
        """Return the key of smallest rank that has packets, of equals the one ranked longest ago; -1."""
        while len(self.order) > 0:
            slot = self.order[0]
            if self.inner[slot].length > 0:
                return self.keys[slot]
            self._unlist(slot)
        return -1

    def set_rank(self, key: int, rank: int, line: int) -> None:
        """Set a flow's rank; a key that does not exist is made while there is room."""
        if rank < 0:
            raise trap.Trap(trap.NEGATIVE_RANK, line, rank)
        slot = self._slot(key, line)
        if slot < 0:
            return
        self.ranks[slot] = rank
        self._stamp(slot)
        self.trace.row(0, SET_RANK, 0, self.place, rank, line, slot, 0)
        spot = self.spots[slot]
        if spot > 0:
            self._place_anew(spot - 1, slot)

    def rank_of(self, key: int) -> int:
        """Return a flow's rank, 0 for a key that does not exist."""
        slot = self.slots.get(key, -1)
        return self.ranks[slot] if slot >= 0 else 0

    def delete(self, key: int, line: int) -> bool:
        """Forget a key; False when it does not exist or still holds packets."""
        slot = self.slots.get(key, -1)
        if slot < 0 or self.inner[slot].length > 0:
            return False
        del self.slots[key]
        if self.spots[slot] > 0:
            self._unlist(slot)
        self.free.append(slot)
        self.trace.state(BIND, 0, self.place, key, line, 0, slot)
        return True

    def len_of(self, key: int) -> int:
        """Return how many packets a key's map holds."""
        slot = self.slots.get(key, -1)
        return self.inner[slot].length if slot >= 0 else 0
