"""Fields of a packet (struct __sk_buff and a little more) and of the context, with access rules."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.language.helpers import ANYWHERE, PROGRAMS, QDISC, S64_MAX, U32_MAX

S64_MIN = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """A field: what it holds, where it can be read and written, and what the kernel calls it.

    `bits` is the width a written value is truncated to. `export_write` says whether a BPF qdisc
    may write it.
    """

    name: str
    doc: str
    bpf: str = ""
    low: int = 0
    high: int = U32_MAX
    writable: bool = False
    bits: int = 0
    length: int = 0
    export_write: bool = False
    readable_in: frozenset[str] = ANYWHERE
    writable_in: frozenset[str] = frozenset()


def _skb(name: str, doc: str, *, high: int = U32_MAX, low: int = 0, bpf: str = "") -> FieldSpec:
    return FieldSpec(name=name, doc=doc, high=high, low=low, bpf=bpf or f"__sk_buff.{name}")


def _skb_write(
    name: str,
    doc: str,
    *,
    bits: int,
    low: int = 0,
    high: int = U32_MAX,
    length: int = 0,
    export_write: bool = False,
) -> FieldSpec:
    return FieldSpec(
        name=name,
        doc=doc,
        bpf=f"__sk_buff.{name}",
        low=low,
        high=high,
        writable=True,
        bits=bits,
        length=length,
        export_write=export_write,
        writable_in=PROGRAMS,
    )


_SKB_SPECS = (
    _skb("len", "Bytes of the packet, Ethernet header included."),
    _skb("pkt_type", "0 host, 1 broadcast, 2 multicast, 3 other host, 4 outgoing.", high=7),
    _skb_write("mark", "The firewall mark.", bits=32),
    _skb_write(
        "queue_mapping",
        "The tx queue; 16 bits are stored, values of 0xffff and above are ignored.",
        bits=16,
        high=65535,
    ),
    _skb("protocol", "The ethertype, in network byte order in the low 16 bits.", high=65535),
    _skb("vlan_present", "1 when the packet carries a VLAN tag.", high=1),
    _skb("vlan_tci", "The VLAN tag: priority and VLAN id.", high=65535),
    _skb("vlan_proto", "The ethertype of the VLAN tag, in network byte order.", high=65535),
    _skb_write("priority", "skb->priority: a classid, or a priority below 16.", bits=32),
    _skb("ingress_ifindex", "The device the packet came in by, 0 for none."),
    _skb("ifindex", "The device the packet leaves by."),
    _skb_write("tc_index", "The traffic control index; 16 bits are stored.", bits=16, high=65535),
    _skb_write(
        "cb",
        "Five 32-bit words of the program's own, kept per qdisc level: skb.cb[0] to skb.cb[4].",
        bits=32,
        length=5,
        export_write=True,
    ),
    _skb("hash", "The packet's flow hash."),
    _skb_write(
        "tc_classid", "A classid for the tc layer; 16 bits are stored.", bits=16, high=65535
    ),
    _skb("napi_id", "The receiving NAPI instance, 0 here."),
    _skb_write(
        "tstamp",
        "The departure time in ns, 0 for none.",
        bits=64,
        low=S64_MIN,
        high=S64_MAX,
        export_write=True,
    ),
    _skb("wire_len", "Bytes on the wire: the qdisc's own idea of the packet's length."),
    _skb("gso_segs", "Segments of an offloaded packet, 0 or 1 for a plain one.", high=65535),
    _skb("gso_size", "Payload bytes of one segment, 0 for a plain packet.", high=65535),
    _skb("tstamp_type", "What clock tstamp is on: 0 unspecified, 1 monotonic.", high=255),
    _skb("hwtstamp", "The hardware time stamp in ns, 0 here.", low=S64_MIN, high=S64_MAX),
    _skb("rank", "The rank of the packet's last pop.", high=S64_MAX, bpf="the key of the skb map"),
    _skb(
        "enqueued_at",
        "When the packet entered this qdisc, in ns.",
        high=S64_MAX,
        bpf="a word of the control block",
    ),
)

SKB_FIELDS: dict[str, FieldSpec] = {spec.name: spec for spec in _SKB_SPECS}

# Fields of __sk_buff that a tc program cannot use, each with the way to write it instead.
REFUSED_SKB_FIELDS: dict[str, str] = {
    "data": "read packet bytes with skb.load_u8(offset), skb.load_u16 or skb.load_u32",
    "data_end": "compare offsets with skb.len",
    "data_meta": "keep your own words in skb.cb[0] to skb.cb[4]",
    "sk": "tell flows apart by skb.hash, skb.mark or skb.priority",
    "flow_keys": "use hash_skb(skb), or read the headers with skb.load_u16(offset)",
    "family": "read the ethertype from skb.protocol",
    "remote_ip4": "read the address with skb.load_u32(30)",
    "local_ip4": "read the address with skb.load_u32(26)",
    "remote_ip6": "read the address with skb.load_u32(38), 42, 46 and 50",
    "local_ip6": "read the address with skb.load_u32(22), 26, 30 and 34",
    "remote_port": "read the port with skb.load_u16(36)",
    "local_port": "read the port with skb.load_u16(34)",
    "id": "packets have no number inside a program; tell them apart by skb.mark or skb.cb",
    "flow": "tell flows apart by skb.hash, skb.mark or skb.priority",
    "len_bytes": 'the field is called "len", as in struct __sk_buff',
}

_CTX_SPECS = (
    FieldSpec(
        name="now",
        doc="The time in ns since the start of the run.",
        bpf="bpf_ktime_get_ns()",
        high=S64_MAX,
        readable_in=PROGRAMS,
    ),
    FieldSpec(
        name="classid",
        doc=(
            "The qdisc's handle at entry; PASS hands to the child of the class that enqueue or "
            "dequeue writes here."
        ),
        bpf="sch_bpf_ctx.classid",
        readable_in=QDISC,
        writable=True,
        bits=32,
        writable_in=frozenset({"enqueue", "dequeue"}),
    ),
    FieldSpec(
        name="delay",
        doc="Nanoseconds from now until THROTTLE asks this qdisc again; 0 at entry.",
        bpf="sch_bpf_ctx.delay, bpf_qdisc_watchdog_schedule()",
        low=S64_MIN,
        high=S64_MAX,
        readable_in=frozenset({"enqueue", "dequeue"}),
        writable=True,
        bits=64,
        writable_in=frozenset({"enqueue", "dequeue"}),
        export_write=True,
    ),
    FieldSpec(
        name="queue",
        doc="The tx queue being filled or asked; the one root of several is asked for the first with room.",
        bpf="skb->queue_mapping, sch->dev_queue",
        high=65535,
        readable_in=QDISC,
    ),
    FieldSpec(
        name="qlen",
        doc="Packets this qdisc holds, in maps and children too.",
        bpf="sch->q.qlen",
        readable_in=QDISC,
    ),
    FieldSpec(
        name="backlog",
        doc="Bytes this qdisc holds, in maps and children too.",
        bpf="sch->qstats.backlog",
        high=2**48,
        readable_in=QDISC,
    ),
    FieldSpec(name="dev.ifindex", doc="The device's number.", bpf="dev->ifindex"),
    FieldSpec(name="dev.mtu", doc="The device's largest payload in bytes.", bpf="dev->mtu"),
    FieldSpec(
        name="dev.txqueuelen",
        doc="The device's default queue limit in packets.",
        bpf="dev->tx_queue_len",
    ),
    FieldSpec(
        name="dev.num_tx_queues",
        doc="How many tx queues the device has.",
        bpf="dev->real_num_tx_queues",
        low=1,
        high=65535,
    ),
    FieldSpec(
        name="dev.rate_bps",
        doc="The device's rate in bits per second.",
        bpf="ethtool speed",
        high=2**50,
    ),
)

CTX_FIELDS: dict[str, FieldSpec] = {spec.name: spec for spec in _CTX_SPECS}

REFUSED_CTX_FIELDS: dict[str, str] = {
    "time": 'the time is "ctx.now", in ns',
    "rank": "give the rank to push(skb, rank)",
    "skb": "the packet is enqueue's first parameter; dequeue returns one",
    "expire": 'set "ctx.delay", ns from now, and return THROTTLE',
}
