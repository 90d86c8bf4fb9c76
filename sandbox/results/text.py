"""Text views of the statistics: what `tc -s` and `bpftool map dump` would print on a real machine."""

from __future__ import annotations

from typing import Any

from sandbox.build.network import Network, show_handle
from sandbox.core.qdisc import Qdisc
from sandbox.language.tree import Kind, Param
from sandbox.results.statistics import netlink_backlog, netlink_qlen

MAP_ENTRIES_SHOWN = 16


def tc_text(network: Network) -> str:
    """Return the statistics of qdiscs and classes as `tc -s qdisc show` and `tc -s class show` print them.

    As in the series, the `backlog` line leaves out packets that wait in maps; the line under it counts everything.
    """
    lines: list[str] = []
    names = [device.name for device in network.scenario.devices]
    for qdisc in network.sim.qdiscs:
        if not qdisc.alive:
            continue
        device = names[qdisc.ifindex - 1]
        lines.append(_qdisc_head(network, qdisc, device))
        lines.append(
            f" Sent {qdisc.bytes} bytes {qdisc.packets} pkt (dropped {qdisc.drops}, "
            f"overlimits {qdisc.overlimits} requeues {qdisc.requeues})"
        )
        lines.append(
            f" backlog {netlink_backlog(qdisc)}b {netlink_qlen(qdisc)}p requeues {qdisc.requeues}"
        )
        gauge = qdisc.instance.gauge
        held = f" with maps and children: {gauge.backlog}b {gauge.qlen}p"
        lines.append(held + (f"  ecn_mark {qdisc.marks}" if qdisc.marks else ""))
    for qdisc in network.sim.qdiscs:
        if qdisc.alive:
            lines.extend(_classes(qdisc, names[qdisc.ifindex - 1]))
    return "\n".join(lines) + "\n"


def _qdisc_head(network: Network, qdisc: Qdisc, device: str) -> str:
    built = network.targets[qdisc.index]
    parent = "root"
    if qdisc.parent is not None:
        parent = f"parent {show_handle(qdisc.parent_classid)}"
    elif qdisc.queue >= 0:
        parent = f"parent :{qdisc.queue + 1:x}"
    options = " ".join(
        f"{param.name} {show_value(param, value)}"
        for param, value in zip(built.loaded.program.params, built.params, strict=True)
    )
    head = f"qdisc {built.loaded.name} {show_handle(qdisc.handle)} dev {device} {parent}"
    return f"{head} {options}".rstrip()


def show_value(param: Param, value: Any) -> str:
    """Return a parameter's value in tc's own units."""
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    if param.kind is Kind.BOOL:
        return "on" if value else "off"
    match param.unit:
        case "bits_per_second":
            return _scaled(value, (("Gbit", 10**9), ("Mbit", 10**6), ("Kbit", 10**3)), "bit")
        case "ns":
            return _scaled(value, (("s", 10**9), ("ms", 10**6), ("us", 10**3)), "ns")
        case "bytes":
            return f"{value}b"
        case "packets":
            return f"{value}p"
        case "percent":
            return f"{value}%"
    return str(value)


def _scaled(value: int, units: tuple[tuple[str, int], ...], base: str) -> str:
    for name, size in units:
        if value >= size:
            return f"{value / size:.3f}".rstrip("0").rstrip(".") + name
    return f"{value}{base}"


def _classes(qdisc: Qdisc, device: str) -> list[str]:
    lines = []
    for one in qdisc.classes.items:
        leaf = f" leaf {show_handle(one.child.handle)}" if one.child is not None else ""
        backlog = one.child.instance.gauge.backlog if one.child is not None else 0
        qlen = one.child.instance.gauge.qlen if one.child is not None else 0
        parent = show_handle(qdisc.handle)
        lines.append(f"class {show_handle(one.classid)} dev {device} parent {parent}{leaf}")
        lines.append(
            f" Sent {one.bytes} bytes {one.packets} pkt (dropped {one.drops}, "
            f"overlimits {one.overlimits} requeues 0)"
        )
        lines.append(f" backlog {backlog}b {qlen}p requeues 0")
    return lines


def map_text(dumps: list[dict[str, Any]]) -> str:
    """Return map contents as `bpftool map dump` prints them, a few entries of each."""
    lines: list[str] = []
    number = 0
    for dump in dumps:
        for one in dump["maps"]:
            number += 1
            lines.append(
                f"{number}: {one['kind'].lower()}  name {one['name']}  "
                f"max_entries {one['max_entries']}  program {dump['instance']}"
            )
            for entry in one["entries"][:MAP_ENTRIES_SHOWN]:
                lines.append(f"  {_entry(entry)}")
            shown = min(one["length"], MAP_ENTRIES_SHOWN)
            more = one["length"] - shown
            lines.append(
                f"  Found {one['length']} elements" + (f", {more} not shown" if more else "")
            )
        if dump["globals"]:
            values = "  ".join(f"{name} = {value}" for name, value in dump["globals"].items())
            number += 1
            lines.append(
                f"{number}: array  name {dump['program'][:8]}.bss  program {dump['instance']}"
            )
            lines.append(f"  {values}")
    return "\n".join(lines) + "\n"


def _entry(entry: Any) -> str:
    if isinstance(entry, int):
        return f"value: {entry}"
    if "words" in entry:
        return f"key: {entry['key']}  value: {' '.join(str(word) for word in entry['words'])}"
    if "skb" in entry:
        return (
            f"rank: {entry['rank']}  skb: {entry['skb']}  len {entry['len']}  "
            f"priority {entry['priority']}  mark {entry['mark']}  hash {entry['hash']:#010x}"
        )
    rank = f"  rank: {entry['rank']}" if "rank" in entry else ""
    return f"key: {entry['key']}{rank}  inner map: {entry['length']} packets"
