"""Dumps: what user space may read of maps and globals. Packets show as rank and `__sk_buff`, never as bytes."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from sandbox.build.instances import Built
from sandbox.core.dialect import List
from sandbox.core.flowmap import FlowMap
from sandbox.core.ints import IntQueue
from sandbox.core.skb import CB_WORDS, Skb
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbmaps import SkbMapArray, SkbMapHash
from sandbox.core.tables import Table
from sandbox.protocol import ENTRIES_MAX

SKB_FIELDS = (
    "len", "pkt_type", "mark", "queue_mapping", "protocol", "vlan_present", "vlan_tci",
    "vlan_proto", "priority", "ingress_ifindex", "ifindex", "tc_index", "hash", "tc_classid",
    "napi_id", "tstamp", "wire_len", "gso_segs", "gso_size", "tstamp_type", "hwtstamp",
)  # fmt: skip

OF_HEADER = {"hash": "tuple_hash"} | {
    name: name for name in ("protocol", "vlan_present", "vlan_tci", "vlan_proto")
}
READERS = {name: attrgetter(name) for name in SKB_FIELDS}
READERS |= {name: attrgetter(f"header.{own}") for name, own in OF_HEADER.items()}
READERS["wire_len"] = attrgetter("len")


def dump_instance(built: Built) -> dict[str, Any]:
    """Return the globals and maps of an instance."""
    return {
        "instance": built.name,
        "program": built.loaded.name,
        "globals": built.entries.globals(),
        "maps": [
            {
                "name": declared.name,
                "kind": declared.kind,
                **dump_map(built.maps[declared.name]),
            }
            for declared in built.loaded.program.maps
        ],
    }


def dump_map(one: Any) -> dict[str, Any]:
    """Return a map's entries, the first `ENTRIES_MAX` of them, and how many there are."""
    if isinstance(one, SkbMap):
        return {"max_entries": one.max_entries, "length": one.length, "entries": _packets(one)}
    if isinstance(one, SkbMapArray):
        inner = [(index, m) for index, m in enumerate(one.inner) if m.length]
        return _inner(inner, len(one.inner))
    if isinstance(one, SkbMapHash):
        return _inner([(key, one.inner[slot]) for key, slot in one.slots.items()], len(one.inner))
    if isinstance(one, FlowMap):
        flows = [(key, one.flows[slot].packets) for key, slot in one.slots.items()]
        shown = _inner(flows, one.flows_max)
        for entry in shown["entries"]:
            entry["rank"] = one.rank_of(entry["key"])
        return shown
    if isinstance(one, Table):
        return _table(one)
    assert isinstance(one, IntQueue)
    order = range(one.length - 1, -1, -1) if one.stack else range(one.length)
    items = [one.items[(one.head + i) % one.max_entries] for i in order]
    return {"max_entries": one.max_entries, "length": one.length, "entries": items[:ENTRIES_MAX]}


def ordered(one: SkbMap) -> List[Skb]:
    """Return the packets of a map in the order they would leave."""
    found: List[Skb] = List()
    if one.tree is not None:
        skb = one.tree.first()
        while skb is not None:
            found.append(skb)
            skb = one.tree.after(skb)
        return found
    skb = one.head
    while skb is not None:
        found.append(skb)
        skb = skb.next
    found.extend(item[2] for item in one.heap)
    found.sort(key=lambda skb: (skb.rank, skb.order))
    return found


def _packets(one: SkbMap) -> list[dict[str, Any]]:
    return [
        {
            "rank": skb.rank,
            "skb": skb.id,
            "flow": skb.flow,
            **{name: READERS[name](skb) for name in SKB_FIELDS},
            "cb": list(skb.cb[:CB_WORDS]) if skb.cb else [0] * CB_WORDS,
        }
        for skb in ordered(one)[:ENTRIES_MAX]
    ]


def _inner(maps: list[tuple[int, SkbMap]], count: int) -> dict[str, Any]:
    entries = []
    room = ENTRIES_MAX
    for key, inner in maps[:ENTRIES_MAX]:
        packets = _packets(inner)[: max(0, room)]
        room -= len(packets)
        entries.append({"key": key, "length": inner.length, "entries": packets})
    return {"max_entries": count, "length": len(maps), "entries": entries}


def _table(one: Table) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    slot = one.first_slot()
    while slot >= 0 and len(entries) < ENTRIES_MAX:
        base = slot * one.width
        entries.append({"key": one.key_at(slot), "words": list(one.words[base : base + one.width])})
        slot = one.next_slot(slot)
    return {"max_entries": one.max_entries, "length": one.length, "entries": entries}
