"""FlowMap: skb maps by key, ordered by a rank of their own that may change while packets wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core import trap
from sandbox.core.dialect import Dict, List, late, record
from sandbox.core.kinds import BIND, HELD, SET_RANK
from sandbox.core.skbmap import Bound, SkbMap

if TYPE_CHECKING:
    from sandbox.core.instance import Instance
    from sandbox.core.skb import Skb
    from sandbox.core.trace import Trace


@record
class Flow:
    """A key's packets and where it stands; `stamp` is the number of its latest set_rank.

    `spot` is its place in the heap, from 1, 0 for nowhere. One whose packets are gone stays there until it is on top.
    """

    slot: int
    packets: SkbMap
    key: int = 0
    rank: int = 0
    stamp: int = 0
    spot: int = 0


@record
class FlowMap:
    """Up to `flows_max` flows. A key exists from its first push or `set_rank` until it is deleted.

    `order` is a heap by (rank, stamp). A flow is made when its slot is used first: few are when `flows_max` is large.
    """

    trace: Trace
    owner: Instance
    place: int
    flows_max: int
    bound: Bound
    flows: List[Flow] = late()  # by slot
    slots: Dict[int, int] = late()
    free: List[int] = late()  # slots that were given back
    order: List[Flow] = late()
    stamp: int = 0

    def open(self) -> None:
        """Allocate the tables."""
        self.flows = List()
        self.slots = Dict()
        self.free = List()
        self.order = List()

    def find(self, key: int) -> Flow | None:
        """Return the flow of a key."""
        slot = self.slots.get(key, -1)
        return self.flows[slot] if slot >= 0 else None

    def _add(self, key: int, line: int) -> Flow | None:
        """Return a new flow of a key; None when there are as many as there may be."""
        slot = len(self.flows)
        if len(self.free) > 0:
            slot = self.free.pop()
        elif slot == self.flows_max:
            return None
        else:
            self._make(slot)
        flow = self.flows[slot]
        self.slots[key] = slot
        flow.key = key
        flow.rank = 0
        self._stamp(flow)
        self.trace.state(BIND, 1, self.place, key, line, 0, slot)
        return flow

    def _make(self, slot: int) -> None:
        owner = self.owner
        entries_max = self.bound.max_entries
        packets = SkbMap(self.trace, owner, owner.gauge, self.place, slot, entries_max)
        packets.bound = self.bound
        packets.heap = List()
        self.flows.append(Flow(slot, packets))

    def _stamp(self, flow: Flow) -> None:
        self.stamp += 1
        flow.stamp = self.stamp

    def _ahead(self, flow: Flow, other: Flow) -> bool:
        """Return whether a flow comes before another: of equal ranks the one ranked longer ago."""
        if flow.rank != other.rank:
            return flow.rank < other.rank
        return flow.stamp < other.stamp

    def _put(self, at: int, flow: Flow) -> None:
        self.order[at] = flow
        flow.spot = at + 1

    def _rise(self, at: int, flow: Flow) -> None:
        """Put a flow at a place of the heap, or as far above as it belongs."""
        while at > 0:
            above = self.order[(at - 1) >> 1]
            if not self._ahead(flow, above):
                break
            self._put(at, above)
            at = (at - 1) >> 1
        self._put(at, flow)

    def _sink(self, at: int, flow: Flow) -> None:
        """Put a flow at a place of the heap, or as far below as it belongs."""
        order = self.order
        count = len(order)
        child = 2 * at + 1
        while child < count:
            below = order[child]
            if child + 1 < count:
                other = order[child + 1]
                if self._ahead(other, below):
                    below = other
                    child += 1
            if not self._ahead(below, flow):
                break
            self._put(at, below)
            at = child
            child = 2 * at + 1
        self._put(at, flow)

    def _place_anew(self, at: int, flow: Flow) -> None:
        """Put a flow where it belongs, starting from a place of the heap."""
        if at > 0 and self._ahead(flow, self.order[(at - 1) >> 1]):
            self._rise(at, flow)
        else:
            self._sink(at, flow)

    def _unlist(self, flow: Flow) -> None:
        """Take a flow out of the heap."""
        at = flow.spot - 1
        flow.spot = 0
        last = self.order.pop()
        if last is not flow:
            self._place_anew(at, last)

    def push(self, key: int, skb: Skb, rank: int, line: int) -> bool:
        """Push to the map of `key`; False when it is full or `max_flows` keys exist."""
        if skb.state != HELD and rank >= 0:
            return True  # a filter that classified it has stolen it
        flow = self.find(key)
        if flow is None:
            flow = self._add(key, line)
        if flow is None:
            if rank < 0:
                raise trap.Trap(trap.NEGATIVE_RANK, line, rank)
            return False
        if not flow.packets.push(skb, rank, line):
            return False
        if flow.spot == 0:
            self.order.append(flow)
            self._rise(len(self.order) - 1, flow)
        return True

    def pop(self, key: int, line: int) -> Skb | None:
        """Give the first packet of a key's map."""
        flow = self.find(key)
        return flow.packets.pop(line) if flow is not None else None

    def peek(self, key: int) -> Skb | None:
        """Return the first packet of a key's map."""
        flow = self.find(key)
        return flow.packets.peek() if flow is not None else None

    def first(self) -> int:
        """Return the key of smallest rank that has packets, of equals the one ranked longest ago; -1."""
        while len(self.order) > 0:
            flow = self.order[0]
            if flow.packets.length > 0:
                return flow.key
            self._unlist(flow)
        return -1

    def set_rank(self, key: int, rank: int, line: int) -> None:
        """Set a flow's rank; a key that does not exist is made while there is room."""
        if rank < 0:
            raise trap.Trap(trap.NEGATIVE_RANK, line, rank)
        flow = self.find(key)
        if flow is None:
            flow = self._add(key, line)
        if flow is None:
            return
        flow.rank = rank
        self._stamp(flow)
        self.trace.row(0, SET_RANK, 0, self.place, rank, line, flow.slot, 0)
        if flow.spot > 0:
            self._place_anew(flow.spot - 1, flow)

    def rank_of(self, key: int) -> int:
        """Return a flow's rank, 0 for a key that does not exist."""
        flow = self.find(key)
        return flow.rank if flow is not None else 0

    def delete(self, key: int, line: int) -> bool:
        """Forget a key; False when it does not exist or still holds packets."""
        flow = self.find(key)
        if flow is None or flow.packets.length > 0:
            return False
        del self.slots[key]
        if flow.spot > 0:
            self._unlist(flow)
        self.free.append(flow.slot)
        self.trace.state(BIND, 0, self.place, key, line, 0, flow.slot)
        return True

    def len_of(self, key: int) -> int:
        """Return how many packets a key's map holds."""
        flow = self.find(key)
        return flow.packets.length if flow is not None else 0
