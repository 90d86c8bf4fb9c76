"""Statistics: plain dictionaries by flow, qdisc, class, map, device; times in ns, rates in bits per second."""

from __future__ import annotations

from typing import Any

from sandbox.build.network import Network, show_handle
from sandbox.core.flowmap import FlowMap
from sandbox.core.netdev import Netdev
from sandbox.core.qdisc import Qdisc
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbmaps import SkbMapArray, SkbMapHash
from sandbox.core.sources import Source
from sandbox.core.stats import Histogram
from sandbox.core.tables import Table

NS_PER_S = 1_000_000_000


def spread(histogram: Histogram) -> dict[str, int]:
    """Return mean, quantiles and maximum of a histogram; quantiles are within 1.6 %."""
    count = histogram.count()
    return {
        "count": count,
        "mean": histogram.total // count if count else 0,
        "p50": histogram.quantile(500),
        "p95": histogram.quantile(950),
        "p99": histogram.quantile(990),
        "max": histogram.high,
    }


def statistics(network: Network) -> dict[str, Any]:
    """Return all statistics at the current time of the simulation."""
    sim = network.sim
    elapsed = max(1, sim.now_ns)
    flows = {
        flow.name: flow_statistics(source, elapsed)
        for flow, source in zip(network.scenario.flows, sim.sources, strict=True)
    }
    names = [device.name for device in network.scenario.devices]
    qdiscs = {
        f"{names[q.ifindex - 1]} {show_handle(q.handle)}": qdisc_statistics(q)
        for q in sim.qdiscs
        if q.alive
    }
    classes = {
        f"{names[q.ifindex - 1]} {show_handle(one.classid)}": {
            "packets": one.packets,
            "bytes": one.bytes,
            "drops": one.drops,
            "overlimits": one.overlimits,
            "qlen": one.child.instance.gauge.qlen if one.child else 0,
            "backlog": one.child.instance.gauge.backlog if one.child else 0,
        }
        for q in sim.qdiscs
        if q.alive
        for one in q.classes.items
    }
    devices = {
        name: device_statistics(device, elapsed)
        for name, device in zip(names, sim.devices, strict=True)
    }
    return {
        "time_ns": sim.now_ns,
        "flows": flows,
        "qdiscs": qdiscs,
        "classes": classes,
        "maps": map_statistics(network),
        "devices": devices,
        "total": total_statistics(network, elapsed),
    }


def flow_statistics(source: Source, elapsed_ns: int) -> dict[str, Any]:
    """Return one flow's statistics; its times span from its first packet to the end."""
    stats = source.stats
    active = max(1, elapsed_ns - max(0, stats.first_ns))
    offered = stats.offered_packets
    return {
        "sent": offered,
        "bytes": stats.offered_bytes,
        "received": stats.received_packets,
        "received_bytes": stats.received_bytes,
        "offered": stats.offered_bytes * 8 * NS_PER_S // active,
        "throughput": stats.received_bytes * 8 * NS_PER_S // active,
        "goodput": stats.received_bytes * 8 * NS_PER_S // active,
        "drops": stats.drops,
        "drop_rate": stats.drops / offered if offered else 0.0,
        "marks": stats.marks,
        "mark_rate": stats.marks / offered if offered else 0.0,
        "purged": stats.purged,
        "stolen": stats.stolen,
        "deadline_misses": stats.deadline_misses,
        "sojourn": spread(stats.sojourn),
        "delay": spread(stats.delay),
    }


def qdisc_statistics(qdisc: Qdisc) -> dict[str, Any]:
    """Return one qdisc's counters; qlen and backlog count maps and children."""
    gauge = qdisc.instance.gauge
    return {
        "packets": qdisc.packets,
        "bytes": qdisc.bytes,
        "drops": qdisc.drops,
        "overlimits": qdisc.overlimits,
        "requeues": qdisc.requeues,
        "marks": qdisc.marks,
        "qlen": {"now": gauge.qlen, "max": gauge.qlen_max},
        "backlog": {"now": gauge.backlog, "max": gauge.backlog_max},
        "netlink_qlen": netlink_qlen(qdisc),
        "netlink_backlog": netlink_backlog(qdisc),
    }


def netlink_qlen(qdisc: Qdisc) -> int:
    """Return the qlen that netlink shows in the series: packets in children, never those in maps."""
    held = 1 if qdisc.requeued is not None else 0
    children = (one.child for one in qdisc.classes.items)
    return held + sum(child.instance.gauge.qlen for child in children if child is not None)


def netlink_backlog(qdisc: Qdisc) -> int:
    """Return the backlog that netlink shows in the series, in bytes."""
    held = qdisc.requeued.len if qdisc.requeued is not None else 0
    children = (one.child for one in qdisc.classes.items)
    return held + sum(child.instance.gauge.backlog for child in children if child is not None)


def device_statistics(device: Netdev, elapsed_ns: int) -> dict[str, Any]:
    """Return one device's statistics; utilisation is the share of time its wire was busy."""
    busy = device.busy_ns
    if device.sending is not None:
        busy += elapsed_ns - device.started_ns
    packets = sum(queue.sent_packets for queue in device.queues)
    sent_bytes = sum(queue.sent_bytes for queue in device.queues)
    return {
        "up": device.up,
        "packets": packets,
        "bytes": sent_bytes,
        "sent": packets,
        "received": device.rx_packets,
        "throughput": sent_bytes * 8 * NS_PER_S // elapsed_ns,
        "utilisation": busy / elapsed_ns,
        "drops": device.drops,
        "purged": device.purged,
        "queues": [
            {"packets": queue.sent_packets, "bytes": queue.sent_bytes} for queue in device.queues
        ],
    }


def map_statistics(network: Network) -> dict[str, Any]:
    """Return the counters of every map, as "INSTANCE/MAP"."""
    found: dict[str, Any] = {}
    for built in network.built.values():
        for name, one in built.maps.items():
            key = name if name not in found else f"{built.name}/{name}"
            found[key] = one_map(one)
            found[f"{built.name}/{name}"] = found[key]
    return found


def one_map(one: Any) -> dict[str, Any]:
    """Return a map's counters."""
    if isinstance(one, SkbMap):
        inner = [one]
    elif isinstance(one, SkbMapArray | SkbMapHash):
        inner = list(one.inner)
    elif isinstance(one, FlowMap):
        inner = [flow.packets for flow in one.flows]
    elif isinstance(one, Table):
        return {"qlen": one.length, "refused": one.refused, "evicted": one.evicted}
    else:
        return {"qlen": one.length, "refused": one.refused}
    pushes = sum(m.pushes for m in inner)
    qlen = sum(m.length for m in inner)
    return {
        "qlen": {"now": qlen, "max": max((m.length_max for m in inner), default=0)},
        "backlog": {"now": sum(m.bytes for m in inner)},
        "pushes": pushes,
        "refused": sum(m.refused for m in inner),
    }


def jain(values: list[int]) -> float:
    """Return Jain's fairness index of some rates; 1.0 when there is nothing to share."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def total_statistics(network: Network, elapsed_ns: int) -> dict[str, Any]:
    """Return sums over flows, the fairness of their received rates, and the merged wait and delay."""
    sources = network.sim.sources
    sojourn = Histogram()
    sojourn.open()
    delay = Histogram()
    delay.open()
    for source in sources:
        merge(sojourn, source.stats.sojourn)
        merge(delay, source.stats.delay)
    offered = sum(s.stats.offered_packets for s in sources)
    received = sum(s.stats.received_bytes for s in sources)
    drops = sum(s.stats.drops for s in sources)
    marks = sum(s.stats.marks for s in sources)
    return {
        "sent": offered,
        "received": sum(s.stats.received_packets for s in sources),
        "offered": sum(s.stats.offered_bytes for s in sources) * 8 * NS_PER_S // elapsed_ns,
        "throughput": received * 8 * NS_PER_S // elapsed_ns,
        "goodput": received * 8 * NS_PER_S // elapsed_ns,
        "drops": drops,
        "drop_rate": drops / offered if offered else 0.0,
        "marks": marks,
        "mark_rate": marks / offered if offered else 0.0,
        "purged": sum(s.stats.purged for s in sources),
        "stolen": sum(s.stats.stolen for s in sources),
        "deadline_misses": sum(s.stats.deadline_misses for s in sources),
        "jain": jain([s.stats.received_bytes for s in sources if s.stats.offered_packets]),
        "sojourn": spread(sojourn),
        "delay": spread(delay),
        "packets": network.sim.pool.made,
        "queued": network.sim.pool.alive,
    }


def merge(into: Histogram, other: Histogram) -> None:
    """Add the samples of one histogram to another."""
    into.high = max(into.high, other.high)
    into.total += other.total
    for index, count in enumerate(other.counts):
        if count:
            into.counts[index] += count
