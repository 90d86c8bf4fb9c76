"""The scenario model: what load.py makes from a TOML text and build.py turns into a ready core.

Everything is checked and normalised: quantities are integers with the unit last in the name, class
ids are tc's 32-bit numbers, names refer to things that exist. What a qdisc's options mean depends
on its program's parameters, so they stay as written (`Options`) until build knows the program and
calls `options.resolve_options`. `line` is the line of the scenario text, 0 when unknown.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Literal

ROOT = 0xFFFFFFFF  # parent of a root qdisc, as in tc
NS_PER_S = 1_000_000_000

ETH_P_ALL = 0x0003
ETH_P_IP = 0x0800
ETH_P_8021Q = 0x8100
ETH_P_IPV6 = 0x86DD

# Limits: each one has a message in the loader, a line in docs/scenario-format.md and a test.
MAX_TEXT_BYTES = 256 * 1024
MAX_DEVICES = 16
MAX_TX_QUEUES = 64
MAX_RING_PACKETS = 4096
MAX_PROGRAMS = 32
MAX_QDISCS = 256
MAX_CLASSES = 1024
MAX_FILTERS = 1024
MAX_FLOWS = 1024
MAX_EVENTS = 10_000
MAX_EXPECTS = 64
MAX_SWEEP_POINTS = 10_000
MAX_PACKETS = 2_000_000
MAX_DURATION_NS = 86_400 * NS_PER_S
MAX_LEN_BYTES = 65_535
MIN_LEN_BYTES = 60  # an Ethernet frame without its FCS

Raw = int | str | bool | tuple[int | str, ...]
Dialect = Literal["toml", "tc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a tc(8) line with its place in the scenario text."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One `name = value` of a TOML table, not yet given its unit."""

    name: str
    value: Raw
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a qdisc, class or program as written: TOML settings, then words of a tc line."""

    settings: tuple[Setting, ...] = ()
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRef:
    """Which program text something runs.

    library: `name` is a file of sandbox/qdiscs without its suffix; file: `name` is a file beside
    the scenario (a key of Job.programs); shared: `name` is a key of `[program]`, that is
    `Scenario.programs`. A library or file reference has an instance of its own, a shared one is
    the one instance of that name.
    """

    origin: Literal["library", "file", "shared"]
    name: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedProgram:
    """A `[program]` entry: one instance that every qdisc, egress hook and filter naming it shares.

    `origin` inline has its source in `text`; library and file name it in `source`.
    """

    name: str
    origin: Literal["library", "file", "inline"]
    source: str = ""
    text: str = ""
    options: Options = Options()
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A simulated netdev.

    `ring_packets` counts the packet on the wire; `limit_bytes` 0 is no limit.
    """

    name: str
    rate_bps: int
    mtu_bytes: int = 1500
    txqueuelen_packets: int = 1000
    tx_queues: int = 1
    ring_packets: int = 1
    limit_bytes: int = 0
    delay_ns: int = 0
    jitter_ns: int = 0  # uniform in 0..jitter on top of delay; packets may overtake each other
    loss_ppm: int = 0  # parts per million
    up: bool = True
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Qdisc:
    """A qdisc: `handle` is major << 16; `parent` a classid, or ROOT.

    With parent ROOT, `queue` −1 is the root of the whole device, else the root of that one tx
    queue.
    """

    device: str
    handle: int
    parent: int
    program: ProgramRef
    queue: int = -1
    options: Options = Options()
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A tc class of the qdisc whose handle is the major of `classid`.

    `kind` is checked against it unless empty.
    """

    device: str
    classid: int
    parent: int
    kind: str = ""
    options: Options = Options()
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One u32 comparison: the big-endian 32-bit word at `offset` & `mask` == `value`.

    `offset` counts bytes from the network header, or from the transport header when `transport`.
    """

    value: int
    mask: int
    offset: int
    transport: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A filter on a qdisc or class: all conditions that are there must hold, the first matching
    filter wins.

    Order: `prio`, then the order of the list. `protocol` is an ethertype, ETH_P_ALL for any. kind
    says how it was written and what tc shows: u32, fw, matchall, bpf, match (the TOML shorthand;
    may name a simulated flow). `mark_mask` 0 means that the mark is not compared. With kind bpf
    the classify function of `program` decides and `classid` is what it means by −1. `action` ""
    only classifies.
    """

    device: str
    parent: int
    kind: Literal["u32", "fw", "matchall", "bpf", "match"]
    prio: int = 0  # 0: after every filter that has one, in order of the list
    protocol: int = ETH_P_ALL
    handle: int = 0
    keys: tuple[Key, ...] = ()
    mark: int = 0
    mark_mask: int = 0
    flow: str = ""
    vlan: int = -1
    priority: int = -1
    program: ProgramRef | None = None
    classid: int = 0
    action: Literal["", "pass", "drop"] = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The egress (clsact) program of a device."""

    device: str
    program: ProgramRef
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One packet length with its weight among the lengths of its flow."""

    len_bytes: int
    weight: int = 1


def _column() -> array[int]:
    return array("q")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Recorded packets of one flow as columns, times ascending from 0 (relative to the flow's
    start).

    `priorities`, `marks`, `dscps`, `ecns` are empty (the flow's own value holds) or as long as
    `times_ns`.
    """

    times_ns: array[int] = field(default_factory=_column)
    lens_bytes: array[int] = field(default_factory=_column)
    priorities: array[int] = field(default_factory=_column)
    marks: array[int] = field(default_factory=_column)
    dscps: array[int] = field(default_factory=_column)
    ecns: array[int] = field(default_factory=_column)


FlowModel = Literal["cbr", "poisson", "onoff", "burst", "script"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One flow: a source, its schedule and its headers. Lengths include the 14-byte Ethernet
    header.

    Pace of cbr, poisson and onoff (while on): `rate_bps` when not 0, else one packet each
    `interval_ns` (mean for poisson). onoff draws its on and off periods from `distribution` with
    means `on_ns` and `off_ns`; burst sends `burst_packets` at once each `period_ns` (0: once).
    script plays `arrivals` (replay files become scripts too, one per header tuple), again each
    `loop_ns` unless 0. `stop_ns` −1 and `count` 0 mean no end. Times are absolute but for those in
    `arrivals`. `deadline_ns` not 0: skb.tstamp = arrival + deadline, and misses are counted.
    """

    name: str
    model: FlowModel
    device: str
    rate_bps: int = 0
    interval_ns: int = 0
    sizes: tuple[Size, ...] = (Size(len_bytes=1514),)
    start_ns: int = 0
    stop_ns: int = -1
    count: int = 0
    on: bool = True
    on_ns: int = 0
    off_ns: int = 0
    distribution: Literal["exponential", "pareto", "constant"] = "exponential"
    shape_milli: int = 1500  # Pareto shape × 1000
    burst_packets: int = 0
    period_ns: int = 0
    arrivals: Arrivals | None = None
    loop_ns: int = 0
    ip_version: Literal[4, 6] = 4
    src_ip: int = 0
    dst_ip: int = 0
    sport: int = 0
    dport: int = 0
    l4: Literal["udp", "tcp"] = "udp"
    priority: int = 0
    mark: int = 0
    dscp: int = 0
    ecn: int = 0  # 0 not-ect, 1 ect1, 2 ect0, 3 ce
    vlan: int = -1
    queue: int = -1  # skb.queue_mapping − 1, that is the tx queue; −1: by flow hash
    deadline_ns: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One applied tc(8) line.

    What to do with a qdisc, class or filter (for del only its address counts).
    """

    verb: Literal["add", "replace", "change", "del"]
    subject: Qdisc | Class | Filter
    line: int = 0


EventKind = Literal["link-down", "link-up", "rate", "flow", "burst", "param", "map-update", "tc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something done to the running simulation at `at_ns`.

    link-down, link-up: `device`. rate: `device`, `rate_bps`. flow: `flow` with `on`, and a new
    `rate_bps` or `interval_ns` when not 0. burst: `packets` of `flow`, of `len_bytes` when not 0.
    param: `target`, `name`, `value`. map-update: `target`, `name` (the map), `key` and `value`
    (words), or `delete`. tc: `commands`. `target` is a qdisc ("eth0 1:"), a class ("eth0 1:10") or
    a key of `[program]`. `number` counts events in the order of the text.
    """

    at_ns: int
    do: EventKind
    device: str = ""
    rate_bps: int = 0
    interval_ns: int = 0
    flow: str = ""
    on: bool = True
    packets: int = 0
    len_bytes: int = 0
    target: str = ""
    name: str = ""
    value: Raw = 0
    key: int = 0
    delete: bool = False
    commands: tuple[Command, ...] = ()
    number: int = 0
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a sweep: a path such as "qdisc.eth0 1:.limit" and the values it takes."""

    path: str
    values: tuple[int | str, ...]
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """One promise of the scenario about its result.

    Expect.py evaluates it. Times in ns, rates in bits per second.
    """

    metric: str
    scope: Literal["total", "flow", "qdisc", "class", "map", "device"] = "total"
    name: str = ""
    op: Literal["below", "above", "equals", "within"]
    low: float
    high: float
    text: str  # as a reader says it: "bulk sojourn.p99 below 40ms"
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A whole scenario.

    `expect_error` is the slug or outcome the run must end with, "" for a clean end.
    """

    title: str
    summary: str = ""
    look_for: str = ""
    story: str = ""
    by: str = ""
    duration_ns: int
    seed: int = 1
    devices: tuple[Device, ...]
    programs: tuple[SharedProgram, ...] = ()
    qdiscs: tuple[Qdisc, ...] = ()
    classes: tuple[Class, ...] = ()
    filters: tuple[Filter, ...] = ()
    egress: tuple[Egress, ...] = ()
    flows: tuple[Flow, ...] = ()
    events: tuple[Event, ...] = ()
    sweep: tuple[Axis, ...] = ()
    expects: tuple[Expect, ...] = ()
    expect_error: str = ""
