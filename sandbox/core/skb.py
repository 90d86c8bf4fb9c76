"""Skb: one packet with the fields of `struct __sk_buff`, and the pool packets come from."""

from __future__ import annotations

from sandbox.core import trap
from sandbox.core.dialect import M32, Array, List, i32, late, record, u64
from sandbox.core.headers import Header, hash_tuple, header_byte
from sandbox.core.kinds import FREE, HELD
from sandbox.core.stats import FlowStats

LEVELS_MAX = 8  # how deep qdiscs may nest
CB_WORDS = 5


@record
class Skb:
    """A packet. `state` says who holds it (kinds.FREE …). What every packet's path touches comes first."""

    id: i32 = 0
    state: i32 = 0
    len: i32 = 0
    flow: i32 = 0
    stats: FlowStats = late()  # of its flow
    header: Header = late()
    next: Skb | None = None
    ifindex: i32 = 0
    rank: int = 0
    born_ns: int = 0
    enqueued_at: int = 0
    deadline_ns: int = 0
    order: int = 0
    entered: Array[int] = late()  # when, by level of the qdisc tree; none with one level
    ident: i32 = 0
    tos: i32 = 0  # DSCP << 2 | ECN
    queue_mapping: i32 = 0
    # struct __sk_buff; hash, protocol and vlan_* are those of the header, wire_len is len
    priority: int = 0
    mark: int = 0
    tc_index: i32 = 0
    tc_classid: i32 = 0
    tstamp: int = 0
    cb: Array[int] = late()  # none when no program of the run uses it
    # links of the ordered tree
    left: Skb | None = None
    right: Skb | None = None
    parent: Skb | None = None
    weight: u64 = 0

    # No field of a record, since they are the same for all packets here.
    pkt_type = ingress_ifindex = napi_id = gso_segs = gso_size = tstamp_type = hwtstamp = 0


@record
class SkbPool:
    """Packets not in use; `alive` counts the others.

    `levels` says how deep the qdiscs of the run nest, `uses_cb` whether any program reads or writes `skb.cb`.
    """

    free: List[Skb] = late()
    alive: int = 0
    made: int = 0
    levels: int = 1
    uses_cb: bool = False

    def open(self) -> None:
        """Allocate the list."""
        self.free = List()

    def take(self) -> Skb:
        """Return a packet for a source to fill in; its id is new."""
        self.alive += 1
        self.made += 1
        if len(self.free) > 0:
            skb = self.free.pop()
        else:
            skb = self._fresh()
        skb.id = self.made
        skb.state = HELD
        skb.tc_index = 0
        skb.tc_classid = 0
        return skb

    def _fresh(self) -> Skb:
        skb = Skb()
        if self.uses_cb:
            skb.cb = Array(CB_WORDS * self.levels)
        if self.levels > 1:
            skb.entered = Array(self.levels)
        return skb

    def give(self, skb: Skb) -> None:
        """Take back a packet that nobody holds any more."""
        skb.state = FREE
        self.alive -= 1
        self.free.append(skb)


def load_u8(skb: Skb, offset: int, line: int) -> int:
    """Return the byte at `offset` from the Ethernet header; outside the packet is a fault of `line`."""
    if offset < 0 or offset >= skb.len:
        raise trap.Trap(trap.LOAD_RANGE, line, offset)
    return header_byte(skb.header, skb.len, skb.ident, skb.tos, offset)


def load_u16(skb: Skb, offset: int, line: int) -> int:
    """Return two bytes in network order."""
    return (load_u8(skb, offset, line) << 8) | load_u8(skb, offset + 1, line)


def load_u32(skb: Skb, offset: int, line: int) -> int:
    """Return four bytes in network order."""
    return (load_u16(skb, offset, line) << 16) | load_u16(skb, offset + 2, line)


def hash_skb(skb: Skb, perturb: int) -> int:
    """Return the u32 hash of the packet's five-tuple under a perturbation."""
    return hash_tuple(skb.header, perturb)


def set_mark(skb: Skb, value: int) -> None:
    """Set skb->mark, 32 bits."""
    skb.mark = value & M32


def set_priority(skb: Skb, value: int) -> None:
    """Set skb->priority, 32 bits."""
    skb.priority = value & M32


def set_queue_mapping(skb: Skb, value: int) -> None:
    """Set skb->queue_mapping, 16 bits; the kernel ignores a write of 0xffff or more."""
    if 0 <= value < 0xFFFF:
        skb.queue_mapping = value


def set_tc_index(skb: Skb, value: int) -> None:
    """Set skb->tc_index, 16 bits."""
    skb.tc_index = value & 0xFFFF


def set_tc_classid(skb: Skb, value: int) -> None:
    """Set the classid of the control block, 16 bits."""
    skb.tc_classid = value & 0xFFFF


def set_tstamp(skb: Skb, value: int) -> None:
    """Set skb->tstamp, in ns."""
    skb.tstamp = value
