"""Flows of the model → sources with real header bytes."""

from __future__ import annotations

from sandbox.build.instances import stream_seed
from sandbox.core.dialect import Array
from sandbox.core.headers import Header, hash_bytes
from sandbox.core.netdev import Netdev
from sandbox.core.rng import Rng
from sandbox.core.sources import (
    BURST,
    CBR,
    CONSTANT,
    EXPONENTIAL,
    ONOFF,
    PARETO,
    POISSON,
    SCRIPT,
    Source,
)
from sandbox.core.stats import FlowStats
from sandbox.scenario.model import ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6, Flow

KINDS = {"cbr": CBR, "poisson": POISSON, "onoff": ONOFF, "burst": BURST, "script": SCRIPT}
DISTRIBUTIONS = {"exponential": EXPONENTIAL, "pareto": PARETO, "constant": CONSTANT}
PROTOCOLS = {"tcp": 6, "udp": 17}
DESTINATION = bytes.fromhex("020000000002")
SOURCE = bytes.fromhex("020000000001")


def swap16(value: int) -> int:
    """Return a 16-bit number in network byte order, as __sk_buff shows ethertypes."""
    return (value & 255) << 8 | value >> 8


def build_header(flow: Flow) -> Header:
    """Return the header bytes of a flow: Ethernet, optional VLAN tag, IPv4 or IPv6, UDP or TCP."""
    ethertype = ETH_P_IP if flow.ip_version == 4 else ETH_P_IPV6
    tos = flow.dscp << 2 | flow.ecn
    protocol = PROTOCOLS[flow.l4]
    frame = DESTINATION + SOURCE
    if flow.vlan >= 0:
        frame += ETH_P_8021Q.to_bytes(2, "big") + flow.vlan.to_bytes(2, "big")
    frame += ethertype.to_bytes(2, "big")
    l3 = len(frame)
    if flow.ip_version == 4:
        frame += bytes([0x45, tos, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0])
        frame += flow.src_ip.to_bytes(4, "big") + flow.dst_ip.to_bytes(4, "big")
    else:
        frame += bytes([0x60 | tos >> 4, (tos & 15) << 4, 0, 0, 0, 0, protocol, 64])
        frame += flow.src_ip.to_bytes(16, "big") + flow.dst_ip.to_bytes(16, "big")
    frame += flow.sport.to_bytes(2, "big") + flow.dport.to_bytes(2, "big")
    if flow.l4 == "tcp":
        frame += bytes([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xFF, 0xFF, 0, 0, 0, 0])
    else:
        frame += bytes(4)
    header = Header(Array(list(frame)), l3, flow.ip_version, protocol, 0, swap16(ethertype))
    if flow.vlan >= 0:
        header.vlan_present = 1
        header.vlan_tci = flow.vlan
        header.vlan_proto = swap16(ETH_P_8021Q)
    header.tuple_hash = hash_bytes(header)
    return header


def build_source(flow: Flow, index: int, netdev: Netdev, seed: int) -> Source:
    """Return the source of a flow into a device; its streams depend on seed and name only."""
    stats = FlowStats()
    stats.open()
    total = 0
    weights: list[int] = []
    for size in flow.sizes:
        total += size.weight
        weights.append(total)
    source = Source(
        index,
        KINDS[flow.model],
        netdev.ifindex,
        build_header(flow),
        stats,
        Rng(stream_seed(seed, f"flow {flow.name} gaps")),
        Rng(stream_seed(seed, f"flow {flow.name} sizes")),
        Rng(stream_seed(seed, f"flow {flow.name} periods")),
        Array([size.len_bytes for size in flow.sizes]),
        Array(weights),
    )
    source.netdev = netdev
    source.mean_len = sum(size.len_bytes * size.weight for size in flow.sizes) / max(1, total)
    if len(flow.sizes) == 1 and flow.model != "script":
        source.fixed_len = flow.sizes[0].len_bytes
    source.set_pace(flow.rate_bps, flow.interval_ns)
    source.start_ns = flow.start_ns
    source.stop_ns = flow.stop_ns
    source.count = flow.count
    source.on = flow.on
    source.on_ns = flow.on_ns
    source.off_ns = flow.off_ns
    source.distribution = DISTRIBUTIONS[flow.distribution]
    source.shape = flow.shape_milli / 1000
    source.burst_packets = flow.burst_packets
    source.period_ns = flow.period_ns
    source.loop_ns = flow.loop_ns
    source.priority = flow.priority
    source.mark = flow.mark
    source.tos = flow.dscp << 2 | flow.ecn
    source.queue = flow.queue
    source.deadline_ns = flow.deadline_ns
    _record(source, flow)
    return source


def _record(source: Source, flow: Flow) -> None:
    """Give a script source its recorded packets."""
    recorded = flow.arrivals
    for name in ("times", "lens", "priorities", "marks", "toses"):
        setattr(source, name, Array(0))
    if recorded is None:
        return
    source.times = Array(recorded.times_ns.tolist())
    source.lens = Array(recorded.lens_bytes.tolist())
    source.priorities = Array(recorded.priorities.tolist())
    source.marks = Array(recorded.marks.tolist())
    if source.lens:
        source.mean_len = sum(source.lens) / len(source.lens)
    count = len(source.times)
    if len(recorded.dscps) or len(recorded.ecns):
        dscps = recorded.dscps.tolist() or [flow.dscp] * count
        ecns = recorded.ecns.tolist() or [flow.ecn] * count
        source.toses = Array([dscp << 2 | ecn for dscp, ecn in zip(dscps, ecns, strict=True)])
