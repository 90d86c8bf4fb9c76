"""Maps of skb maps: SkbMapArray, SkbMapHash and FlowMap, the map-in-map of the series."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from sandbox.core import trap
from sandbox.core.dialect import Array, Dict, List, late, record
from sandbox.core.kinds import BIND, SET_RANK

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

    A key exists from its first push or `set_rank` until it is deleted. `order` holds (flow rank, number of its
    latest set_rank, slot), at most one valid entry a slot, noted in `listed`; entries that no longer hold are skipped
    and swept out when they outnumber the live ones.
    """

    trace: Trace
    place: int
    inner: Array[SkbMap]
    bound: Bound
    slots: Dict[int, int] = late()
    keys: Array[int] = late()
    ranks: Array[int] = late()
    stamps: Array[int] = late()
    listed: Array[int] = late()
    free: List[int] = late()
    order: List[tuple[int, int, int]] = late()
    stamp: int = 0
    waiting: int = 0

    def open(self) -> None:
        """Allocate the tables."""
        count = len(self.inner)
        self.slots = Dict()
        self.keys = Array(count)
        self.ranks = Array(count)
        self.stamps = Array(count)
        self.listed = Array(count)
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

    def _list(self, slot: int) -> None:
        if self.listed[slot] == self.stamps[slot]:
            return
        self.listed[slot] = self.stamps[slot]
        heappush(self.order, (self.ranks[slot], self.stamps[slot], slot))
        if len(self.order) > 2 * self.waiting + 64:
            self._sweep()

    def _sweep(self) -> None:
        order = self.order
        live = 0
        for i in range(len(order)):
            if self._holds(order[i]):
                order[live] = order[i]
                live += 1
            else:
                self._unlist(order[i])
        while len(order) > live:
            order.pop()
        heapify(order)

    def _unlist(self, entry: tuple[int, int, int]) -> None:
        if self.listed[entry[2]] == entry[1]:
            self.listed[entry[2]] = 0

    def _holds(self, entry: tuple[int, int, int]) -> bool:
        slot = entry[2]
        return self.stamps[slot] == entry[1] and self.inner[slot].length > 0

    def push(self, key: int, skb: Skb, rank: int, line: int) -> bool:
        """Push to the map of `key`; False when it is full or `max_flows` keys exist."""
        slot = self._slot(key, line)
        if slot < 0:
            if rank < 0:
                raise trap.Trap(trap.NEGATIVE_RANK, line, rank)
            return False
        inner = self.inner[slot]
        if not inner.push(skb, rank, line):
            return False
        if inner.length == 1:
            self.waiting += 1
            self._list(slot)
        return True

    def pop(self, key: int, line: int) -> Skb | None:
        """Give the first packet of a key's map."""
        slot = self.slots.get(key, -1)
        if slot < 0:
            return None
        skb = self.inner[slot].pop(line)
        if skb is not None and self.inner[slot].length == 0:
            self.waiting -= 1
        return skb

    def peek(self, key: int) -> Skb | None:
        """Return the first packet of a key's map."""
        slot = self.slots.get(key, -1)
        return self.inner[slot].peek() if slot >= 0 else None

    def first(self) -> int:
        """Return the key of smallest rank that has packets, of equals the one ranked longest ago; -1."""
        while len(self.order) > 0:
            entry = self.order[0]
            if self._holds(entry):
                return self.keys[entry[2]]
            self._unlist(entry)
            heappop(self.order)
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
        if self.inner[slot].length > 0:
            self._list(slot)

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
        self._stamp(slot)
        self.free.append(slot)
        self.trace.state(BIND, 0, self.place, key, line, 0, slot)
        return True

    def len_of(self, key: int) -> int:
        """Return how many packets a key's map holds."""
        slot = self.slots.get(key, -1)
        return self.inner[slot].length if slot >= 0 else 0

    def recount(self) -> None:
        """Count the flows with packets anew after maps were emptied from outside."""
        self.waiting = 0
        for slot in range(len(self.inner)):
            if self.inner[slot].length > 0:
                self.waiting += 1
        self._sweep()
