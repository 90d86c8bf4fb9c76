"""SkbMap: packets by rank, smallest first, equal ranks in arrival order.

Three shapes behind one interface. A map that is only pushed and popped is a list of non-falling ranks beside a heap of
the packets that came out of order: a FIFO costs O(1), any order O(log n). A map that is popped at its end, by
rank, walked, or ordered by a comparator is a tree.
Source: the skb map of "net_sched: introduce eBPF based Qdisc" v4/v5 (order, ties, -ENOBUFS when full).
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from sandbox.core import trap
from sandbox.core.dialect import List, late, record
from sandbox.core.kinds import AFTER, HELD, IN_MAP, POP, PURGE, PUSH

if TYPE_CHECKING:
    from sandbox.core.gauge import Gauge
    from sandbox.core.instance import Instance
    from sandbox.core.skb import Skb
    from sandbox.core.skbtree import SkbTree
    from sandbox.core.trace import Trace


@record
class Bound:
    """What the inner maps of a map of maps hold together, and may hold."""

    max_entries: int
    length: int = 0
    bytes: int = 0


@record
class SkbMap:
    """One skb map. `tree` is None for the list-and-heap shape; `bound` is shared by the inner maps of one map."""

    trace: Trace
    owner: Instance
    gauge: Gauge
    place: int
    slot: int
    max_entries: int
    tree: SkbTree | None = None
    bound: Bound | None = None
    length: int = 0
    bytes: int = 0
    head: Skb | None = None
    tail: Skb | None = None
    heap: List[tuple[int, int, Skb]] = late()
    pushes: int = 0
    refused: int = 0
    length_max: int = 0

    def push(self, skb: Skb, rank: int, line: int) -> bool:
        """Take a packet at a rank; False when the map is full, and the caller still owns the packet."""
        if rank < 0:
            raise trap.Trap(trap.NEGATIVE_RANK, line, rank)
        if skb.state != HELD:
            return True  # a filter that classified it has stolen it
        length = self.length + 1
        bound = self.bound
        if length > self.max_entries or (bound is not None and bound.length >= bound.max_entries):
            self.refused += 1
            return False
        len_bytes = skb.len
        if bound is not None:
            bound.length += 1
            bound.bytes += len_bytes
        self.length = length
        if length > self.length_max:
            self.length_max = length
        self.bytes += len_bytes
        gauge: Gauge | None = self.gauge
        while gauge is not None:  # Gauge.add without the call: this is every packet's path
            gauge.qlen += 1
            gauge.backlog += len_bytes
            if gauge.qlen > gauge.qlen_max:
                gauge.qlen_max = gauge.qlen
            if gauge.backlog > gauge.backlog_max:
                gauge.backlog_max = gauge.backlog
            gauge = gauge.parent
        self.owner.pushed = True
        skb.state = IN_MAP
        skb.rank = rank
        skb.order = self.pushes
        self.pushes += 1
        tail = self.tail
        aside = self.tree is not None
        if aside:
            pass
        elif tail is None:
            self.head = skb
            self.tail = skb
        elif rank >= tail.rank:
            tail.next = skb
            self.tail = skb
        else:
            aside = True
        self.trace.row(skb.id, PUSH, 0, self.place, rank, line, self.slot, length)
        if aside:
            self._put_aside(skb, line)
        return True

    def _put_aside(self, skb: Skb, line: int) -> None:
        """Take a packet into the tree, or into the heap beside the list."""
        tree = self.tree
        if tree is None:
            heappush(self.heap, (skb.rank, skb.order, skb))
            return
        tree.insert(skb)
        if tree.by_less and self.trace.kept:
            ahead = tree.before(skb)
            found = ahead.id if ahead is not None else 0
            self.trace.note(skb.id, AFTER, 0, self.place, found, line, self.slot, self.length)

    def peek(self) -> Skb | None:
        """Return the packet of the smallest rank, which stays in the map."""
        if self.tree is not None:
            return self.tree.first()
        head = self.head
        if len(self.heap) == 0:
            return head
        top = self.heap[0]
        if head is None or top[0] < head.rank or (top[0] == head.rank and top[1] < head.order):
            return top[2]
        return head

    def pop(self, line: int) -> Skb | None:
        """Give the packet of the smallest rank, the earliest of equals."""
        skb = self.head
        if skb is None or len(self.heap) > 0:
            return self._pop_any(line)
        self.head = skb.next
        skb.next = None
        if self.head is None:
            self.tail = None
        len_bytes = skb.len
        self.length -= 1
        self.bytes -= len_bytes
        bound = self.bound
        if bound is not None:
            bound.length -= 1
            bound.bytes -= len_bytes
        gauge: Gauge | None = self.gauge
        while gauge is not None:
            gauge.qlen -= 1
            gauge.backlog -= len_bytes
            gauge = gauge.parent
        skb.state = HELD
        if self.trace.kept:
            self.trace.note(skb.id, POP, 0, self.place, skb.rank, line, self.slot, self.length)
        return skb

    def _pop_any(self, line: int) -> Skb | None:
        """Give the first packet of a map that is no mere list."""
        skb = self.peek()
        if skb is not None:
            self._unlink_first(skb)
            self._gone(skb, line)
        return skb

    def _unlink_first(self, skb: Skb) -> None:
        if self.tree is not None:
            self.tree.remove(skb)
        elif skb is self.head:
            self.head = skb.next
            skb.next = None
            if self.head is None:
                self.tail = None
        else:
            heappop(self.heap)

    def _less(self, skb: Skb) -> None:
        """Count a packet out of the map and of everything it is part of."""
        self.length -= 1
        self.bytes -= skb.len
        if self.bound is not None:
            self.bound.length -= 1
            self.bound.bytes -= skb.len
        self.gauge.sub(skb.len)

    def _gone(self, skb: Skb, line: int) -> None:
        """Account for a packet that a program took."""
        skb.state = HELD
        self._less(skb)
        self.trace.note(skb.id, POP, 0, self.place, skb.rank, line, self.slot, self.length)

    def peek_last(self) -> Skb | None:
        """Return the packet of the largest rank, the latest of equals; a tree-shaped map's operation."""
        assert self.tree is not None
        return self.tree.last()

    def pop_last(self, line: int) -> Skb | None:
        """Give the packet of the largest rank, the latest of equals."""
        assert self.tree is not None
        skb = self.tree.last()
        if skb is not None:
            self.tree.remove(skb)
            self._gone(skb, line)
        return skb

    def pop_rank(self, rank: int, line: int) -> Skb | None:
        """Give the earliest packet of exactly this rank (the pop of the series' v4 and v5)."""
        assert self.tree is not None
        skb = self.tree.with_rank(rank)
        if skb is not None:
            self.tree.remove(skb)
            self._gone(skb, line)
        return skb

    def first(self) -> Skb | None:
        """Return the first packet of a walk in rank order."""
        return self.peek()

    def after(self, skb: Skb) -> Skb | None:
        """Return the packet that follows in a walk; a tree-shaped map's operation."""
        assert self.tree is not None
        return self.tree.after(skb)

    def purge(self, ifindex: int, gone: List[Skb]) -> None:
        """Unlink every packet of a device into `gone`; the others keep their order.

        0 takes all, for a qdisc that is replaced: its packets are drops, told by whoever frees them.
        """
        kept: List[Skb] = List()
        while True:
            skb = self.peek()
            if skb is None:
                break
            self._unlink_first(skb)
            if ifindex == 0 or skb.ifindex == ifindex:
                self._less(skb)
                if ifindex > 0:
                    self.trace.row(
                        skb.id, PURGE, 0, self.place, skb.rank, 0, self.slot, self.length
                    )
                gone.append(skb)
            else:
                kept.append(skb)
        for i in range(len(kept)):
            if self.tree is not None:
                self.tree.append(kept[i])
            elif self.tail is None:
                self.head = kept[i]
                self.tail = kept[i]
            else:
                self.tail.next = kept[i]
                self.tail = kept[i]
