"""Filter: what `tc filter` lines do to a packet on its way to a class.

Source: net/sched/cls_u32.c (masked words from the network or transport header), cls_fw.c (mark & mask), cls_matchall.c,
cls_bpf.c (0 = no match, -1 = the configured classid, else a classid).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.dialect import Array, record
from sandbox.core.headers import header_byte
from sandbox.core.skb import Skb

if TYPE_CHECKING:
    from sandbox.core.instance import Instance

ACT_NONE, ACT_OK, ACT_DROP, ACT_STOLEN = -1, 0, 2, 4
ACT_UNSPEC = 0xFFFFFFFF  # -1 in the low half of a classification
ETH_P_ALL = 0x0003


@record
class Filter:
    """One filter: every condition that is set must hold. `classifier` is the instance of a bpf filter."""

    index: int
    parent: int  # handle of the qdisc, or classid of the class, it hangs on
    prio: int
    protocol: int
    classid: int
    action: int
    offsets: Array[int]
    masks: Array[int]
    values: Array[int]
    transport: Array[int]
    mark: int = 0
    mark_mask: int = 0
    flow: int = -1
    vlan: int = -1
    priority: int = -1
    classifier: Instance | None = None
    hits: int = 0

    def matches(self, skb: Skb) -> bool:
        """Return whether the packet meets all conditions but the program's."""
        header = skb.header
        protocol = ((header.protocol & 255) << 8) | (header.protocol >> 8)
        if self.protocol != ETH_P_ALL and self.protocol != protocol:
            return False
        if self.mark_mask != 0 and (skb.mark & self.mark_mask) != self.mark:
            return False
        if self.flow >= 0 and skb.flow != self.flow:
            return False
        if self.priority >= 0 and skb.priority != self.priority:
            return False
        if self.vlan >= 0 and (header.vlan_present == 0 or (header.vlan_tci & 4095) != self.vlan):
            return False
        for i in range(len(self.offsets)):
            if not self._key_matches(i, skb):
                return False
        return True

    def _key_matches(self, i: int, skb: Skb) -> bool:
        header = skb.header
        at = header.l3 + self.offsets[i]
        if self.transport[i] != 0:
            at += 20 if header.version == 4 else 40
        if at < 0 or at + 4 > skb.len:
            return False
        word = 0
        for k in range(4):
            word = (word << 8) | header_byte(header, skb.len, skb.ident, skb.tos, at + k)
        return (word & self.masks[i]) == self.values[i]
