"""Every table of a scenario with its keys.

The loader, the JSON schema and the docs are held to this one list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.scenario import model

Kind = Literal[
    "text", "name", "time", "rate", "size", "percent", "int", "flag", "choice",
    "ip", "classid", "address", "priority", "dscp", "sizes", "times", "program", "raw", "table",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """One key: `default` None means that it may be left out without a default."""

    name: str
    kind: Kind
    help: str
    default: int | str | bool | None = None
    required: bool = False
    low: int = 0
    high: int = 2**63 - 1
    choices: tuple[str, ...] = ()


def _key(
    name: str,
    kind: Kind,
    help: str,
    default: int | str | bool | None = None,
    *,
    required: bool = False,
    low: int = 0,
    high: int = 2**63 - 1,
    choices: tuple[str, ...] = (),
) -> KeySpec:
    return KeySpec(
        name=name, kind=kind, help=help, default=default, required=required,
        low=low, high=high, choices=choices,
    )  # fmt: skip


SCENARIO = (
    _key("title", "text", "one line, the lesson", required=True),
    _key("summary", "text", "one or two sentences: what is set up", ""),
    _key("look_for", "text", "what to watch, and what it means", ""),
    _key("story", "text", "Markdown shown beside the device", ""),
    _key("by", "text", "author", ""),
    _key("run", "table", "length and seed of the run"),
    _key("device", "table", "one device, or a table of named devices", required=True),
    _key("program", "table", "shared programs: one instance each"),
    _key("qdisc", "table", "qdiscs by handle"),
    _key("class", "table", "classes by class id"),
    _key("filter", "table", "filters, a list in order"),
    _key("egress", "table", "egress programs by device"),
    _key("flow", "table", "traffic by name"),
    _key("event", "table", "what happens during the run, a list"),
    _key("tc", "text", "tc(8) lines, applied after the tables", ""),
    _key("sweep", "table", "axes of a batch, in order"),
    _key("expect", "table", "promises about the result, a list"),
    _key("expect_error", "text", "slug or outcome that this scenario must end with", ""),
)
RUN = (
    _key("duration", "time", "simulated time", "10s", low=1, high=model.MAX_DURATION_NS),
    _key("seed", "int", "seed of every random stream", 1, high=2**63 - 1),
)
DEVICE = (
    _key("rate", "rate", "speed of the wire", required=True, low=1, high=10**13),
    _key("mtu", "size", "largest packet without its Ethernet header", "1500b", low=68, high=65_521),
    _key("txqueuelen", "int", "default length of queues", 1000, high=10**6),
    _key("tx_queues", "int", "number of tx queues", 1, low=1, high=model.MAX_TX_QUEUES),
    _key("ring", "int", "packets of a tx ring, the one being sent included", 1,
         low=1, high=model.MAX_RING_PACKETS),
    _key("byte_limit", "size", "bytes a tx ring may hold, 0 for no limit", "0b", high=2**31),
    _key("delay", "time", "propagation delay of the wire", "0ms", high=3600 * model.NS_PER_S),
    _key("jitter", "time", "uniform extra delay; packets may overtake", "0ms",
         high=3600 * model.NS_PER_S),
    _key("loss", "percent", "packets lost on the wire", "0%"),
    _key("up", "flag", "link state at the start", True),
)  # fmt: skip
PROGRAM = (
    _key("source", "program", "library name, file beside the scenario, or text", required=True),
    _key("params", "table", "values of its parameters"),
)
QDISC = (
    _key("parent", "text", '"root" or a class id such as "1:10"', "root"),
    _key("queue", "int", "with parent root: the root of this tx queue only", high=63),
    _key("kind", "name", "a qdisc of the library"),
    _key("program", "name", "a [program] or a file beside the scenario"),
    _key("params", "table", "values of its parameters; may also stand beside the other keys"),
)
CLASS = (
    _key("parent", "text", 'the qdisc or class above, such as "1:"'),
    _key("params", "table", "values of its parameters; may also stand beside the other keys"),
)
FILTER = (
    _key("parent", "address", 'the qdisc it sits on, such as "1:"', required=True),
    _key("prio", "int", "smaller is asked first", 0, high=65_535),
    _key("protocol", "choice", "of the packet", "all", choices=("all", "ip", "ipv6", "802.1q")),
    _key("match", "table", "fields that must all be equal; an empty table matches everything"),
    _key("tc", "text", "a tc(8) match instead, such as u32 match ip dport 80 0xffff"),
    _key("program", "name", "a program whose classify function decides"),
    _key("classid", "classid", "class of packets that match"),
    _key("action", "choice", "what happens to packets that match", "", choices=("pass", "drop")),
)
MATCH = (
    _key("flow", "name", "a flow of this scenario"),
    _key("src", "ip", "source address, /prefix allowed"),
    _key("dst", "ip", "destination address, /prefix allowed"),
    _key("sport", "int", "source port", high=65_535),
    _key("dport", "int", "destination port", high=65_535),
    _key("l4", "choice", "transport protocol", choices=("udp", "tcp")),
    _key("dscp", "dscp", "0 to 63 or a name such as ef"),
    _key("mark", "int", "skb->mark", high=2**32 - 1),
    _key("priority", "priority", "skb->priority"),
    _key("vlan", "int", "vlan id", high=4094),
)
FLOW = (
    _key("model", "choice", "how packets come", required=True,
         choices=("cbr", "poisson", "onoff", "burst", "script", "replay")),
    _key("device", "name", "where it enters; may be left out when there is one device"),
    _key("rate", "rate", "of cbr, poisson, onoff (while on)", low=1, high=10**13),
    _key("pps", "int", "instead of rate: packets per second", low=1, high=10**9),
    _key("interval", "time", "instead of rate: time between packets (mean)", low=1),
    _key("size", "sizes", 'length with the Ethernet header; a list with weights, or "imix"'),
    _key("start", "time", "first moment", "0s"),
    _key("stop", "time", "last moment"),
    _key("count", "int", "packets at most, 0 for no limit", 0, high=model.MAX_PACKETS),
    _key("enabled", "flag", "false: silent until an event switches it on", True),
    _key("on", "time", "onoff: mean time on", low=1),
    _key("off", "time", "onoff: mean time off", low=1),
    _key("distribution", "choice", "onoff: of both times", "exponential",
         choices=("exponential", "pareto", "constant")),
    _key("shape", "raw", "onoff: Pareto shape, above 1"),
    _key("burst", "int", "burst: packets sent at once", low=1, high=100_000),
    _key("period", "time", "burst: time between bursts; left out: once", low=1),
    _key("times", "times", "script: moments from start, ascending"),
    _key("file", "name", "replay: a CSV, pcap or pcapng file"),
    _key("scale", "raw", "replay: factor on all times", 1),
    _key("loop", "flag", "script, replay: again from the start when it ends", False),
    _key("src", "ip", "source address, IPv4 or IPv6"),
    _key("dst", "ip", "destination address, IPv4 or IPv6"),
    _key("sport", "int", "source port; 10000 + index of the flow", high=65_535),
    _key("dport", "int", "destination port; 20000 + index of the flow", high=65_535),
    _key("l4", "choice", "transport protocol", "udp", choices=("udp", "tcp")),
    _key("priority", "priority", 'skb->priority: a number or a class id such as "1:10"'),
    _key("mark", "int", "skb->mark", 0, high=2**32 - 1),
    _key("dscp", "dscp", "0 to 63 or a name such as ef"),
    _key("ecn", "choice", "ECN field", "not-ect", choices=("not-ect", "ect0", "ect1", "ce")),
    _key("vlan", "int", "vlan id", high=4094),
    _key("queue", "int", "tx queue; left out: by flow hash", high=63),
    _key("deadline", "time", "skb->tstamp = arrival + deadline; later is a miss", low=1),
)  # fmt: skip
EVENT = (
    _key("at", "time", "when", required=True, high=model.MAX_DURATION_NS),
    _key("do", "choice", "what", required=True, choices=(
        "link-down", "link-up", "rate", "flow", "burst", "param", "map-update", "tc")),
    _key("device", "name", "link-down, link-up, rate"),
    _key("rate", "rate", "rate: of the device; flow: of the flow", low=1, high=10**13),
    _key("flow", "name", "flow, burst"),
    _key("on", "flag", "flow: switch it on or off"),
    _key("interval", "time", "flow: new time between packets", low=1),
    _key("packets", "int", "burst: how many at once", low=1, high=100_000),
    _key("size", "size", "burst: length instead of the flow's", high=model.MAX_LEN_BYTES),
    _key("target", "text", "param, map-update: a qdisc, class or [program]"),
    _key("name", "name", "param: the parameter"),
    _key("map", "name", "map-update: the map"),
    _key("key", "int", "map-update", low=-(2**63)),
    _key("value", "raw", "param, map-update: new value (a list for records)"),
    _key("delete", "flag", "map-update: delete the key", False),
    _key("tc", "text", "tc: the lines"),
)  # fmt: skip
EXPECT = (
    _key("metric", "text", "which number of the result", required=True),
    _key("flow", "name", "of this flow"),
    _key("qdisc", "text", "of this qdisc"),
    _key("class", "text", "of this class"),
    _key("map", "text", "of this map"),
    _key("device", "name", "of this device"),
    _key("below", "raw", "it is less than this"),
    _key("above", "raw", "it is more than this"),
    _key("equals", "raw", "it is this, give or take the tolerance"),
    _key("within", "raw", "it lies in this [low, high]"),
    _key("tolerance", "raw", "with equals"),
)
TABLES: dict[str, tuple[KeySpec, ...]] = {
    "scenario": SCENARIO, "run": RUN, "device": DEVICE, "program": PROGRAM, "qdisc": QDISC,
    "class": CLASS, "filter": FILTER, "match": MATCH, "flow": FLOW, "event": EVENT,
    "expect": EXPECT,
}  # fmt: skip

DSCP_NAMES = {
    "be": 0, "df": 0, "ef": 46, "va": 44, "le": 1,
    **{f"cs{n}": 8 * n for n in range(8)},
    **{f"af{c}{p}": 8 * c + 2 * p for c in range(1, 5) for p in range(1, 4)},
}  # fmt: skip
ECN_BITS = {"not-ect": 0, "ect1": 1, "ect0": 2, "ce": 3}
PROTOCOLS = {
    "all": model.ETH_P_ALL,
    "ip": model.ETH_P_IP,
    "ipv6": model.ETH_P_IPV6,
    "802.1q": model.ETH_P_8021Q,
}
