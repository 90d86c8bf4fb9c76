"""The helper table: everything a program may call, with place, cost and kernel counterpart.

Checker, back ends, completions, hovers and `docs/language.md` are all derived from this table and
its three neighbours: `fields.py` (packet and context fields), `maps.py` (map kinds and methods),
`verdicts.py` (entry points and verdicts). Nothing else in the project may list a helper.
"""

from __future__ import annotations

from dataclasses import dataclass

ROLES = (
    "enqueue",
    "dequeue",
    "peek",
    "init",
    "reset",
    "timer",
    "egress",
    "classify",
    "comparator",
)
ANYWHERE = frozenset(ROLES)
PROGRAMS = ANYWHERE - {"comparator"}
QDISC = frozenset({"enqueue", "dequeue", "peek", "init", "reset", "timer"})
MOVING = frozenset({"enqueue", "dequeue", "timer"})


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a helper.

    `kind` is int, bool, text (a literal), ints (any number of ints), skb (reads the packet),
    skb_write (may change it), owned (takes the packet), key (an int), value (what the map holds)
    or map.
    """

    name: str
    kind: str = "int"
    default: int | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperSpec:
    """A helper of the language.

    `returns` is int, bool, nothing, owned? (a packet the caller then owns, or None),
    peek? (a packet only read, or None), int?, record?, value? (what the map holds, or None), class?.
    `low`..`high` bounds an int result.
    """

    name: str
    args: tuple[Arg, ...] = ()
    returns: str = "int"
    doc: str
    allowed: frozenset[str] = ANYWHERE
    cost: str = "O(1)"
    bpf: str = ""  # the counterpart in the kernel or in the posted series; "" = plain arithmetic
    exportable: bool = (
        True  # can be written with the kfuncs and helpers of a BPF qdisc, Linux 6.16 and later
    )
    statement: bool = False  # stands alone on its line, has no value
    low: int = -(2**63)
    high: int = 2**63 - 1

    @property
    def signature(self) -> str:
        """Return the form shown to users, e.g. `child_enqueue(skb, classid) -> bool`."""
        return (
            f"{self.name}({', '.join(map(_argument_text, self.args))}){_result_text(self.returns)}"
        )


def _argument_text(arg: Arg) -> str:
    if arg.default is not None:
        return f"{arg.name}={arg.default}"
    return f"[{arg.name}]" if arg.optional else arg.name


RESULT_TEXTS = {
    "owned?": "skb or None",
    "peek?": "skb or None (read-only)",
    "int?": "int or None",
    "record?": "record or None",
    "value?": "value or None",
    "class?": "class record or None",
}


def _result_text(returns: str) -> str:
    return "" if returns == "nothing" else f" -> {RESULT_TEXTS.get(returns, returns)}"


U32_MAX = 2**32 - 1
S64_MAX = 2**63 - 1
SKB = Arg("skb", "skb")
SKB_WRITE = Arg("skb", "skb_write")
OWNED = Arg("skb", "owned")
CLASSID = Arg("classid")

_SPECS = (
    HelperSpec(
        name="random",
        doc="A uniform unsigned 32-bit number from the run's seed.",
        allowed=PROGRAMS,
        bpf="bpf_get_prandom_u32()",
        low=0,
        high=U32_MAX,
    ),
    HelperSpec(
        name="min",
        args=(Arg("a"), Arg("b"), Arg("…", "ints", optional=True)),
        doc="The smallest of two or more ints.",
    ),
    HelperSpec(
        name="max",
        args=(Arg("a"), Arg("b"), Arg("…", "ints", optional=True)),
        doc="The largest of two or more ints.",
    ),
    HelperSpec(
        name="abs",
        args=(Arg("x"),),
        doc="The magnitude of an int; that of the smallest int wraps to itself.",
    ),
    HelperSpec(
        name="len",
        args=(Arg("map", "map"),),
        doc="How many packets, entries or ints a map, or an inner skb map, holds.",
        allowed=PROGRAMS,
        bpf="a counter kept beside the map",
        low=0,
        high=U32_MAX,
    ),
    HelperSpec(
        name="isqrt",
        args=(Arg("x"),),
        doc="The integer square root, rounded down; 0 for a negative number.",
        cost="O(64)",
        bpf="a bounded loop",
        low=0,
        high=3_037_000_499,
    ),
    HelperSpec(
        name="log2_floor",
        args=(Arg("x"),),
        doc="The position of the highest set bit, x seen as unsigned; -1 for 0.",
        bpf="63 - __builtin_clzll(x)",
        low=-1,
        high=63,
    ),
    HelperSpec(
        name="find_first_set",
        args=(Arg("x"),),
        doc="The position of the lowest set bit, counted from 0; -1 for 0.",
        bpf="__builtin_ctzll(x)",
        low=-1,
        high=63,
    ),
    HelperSpec(
        name="udiv",
        args=(Arg("a"), Arg("b")),
        doc="a divided by b, both seen as unsigned 64-bit; b = 0 stops the run.",
        bpf="(u64)a / (u64)b",
    ),
    HelperSpec(
        name="umod",
        args=(Arg("a"), Arg("b")),
        doc="The remainder of a divided by b, both seen as unsigned 64-bit; b = 0 stops the run.",
        bpf="(u64)a % (u64)b",
    ),
    HelperSpec(
        name="ult",
        args=(Arg("a"), Arg("b")),
        returns="bool",
        doc="Whether a is below b, both seen as unsigned 64-bit.",
        bpf="(u64)a < (u64)b",
    ),
    HelperSpec(
        name="hash_skb",
        args=(SKB, Arg("perturb", default=0)),
        doc=(
            "An unsigned 32-bit hash of the packet's flow (addresses, ports, protocol), mixed "
            "with perturb."
        ),
        bpf="bpf_skb_get_hash(skb), mixed by jhash",
        low=0,
        high=U32_MAX,
    ),
    HelperSpec(
        name="mark_ecn",
        args=(SKB_WRITE,),
        returns="bool",
        doc="Set Congestion Experienced when the packet is ECN-capable; False when it is not.",
        allowed=MOVING | {"egress", "classify"},
        bpf="bpf_skb_ecn_set_ce() of tc programs",
        exportable=False,
    ),
    HelperSpec(
        name="skb_classify",
        args=(SKB_WRITE, Arg("handle"), Arg("ifindex", default=0)),
        doc=(
            "The classid given by the tc filters of the qdisc or class `handle` (on device "
            "`ifindex`, 0 = this one), or 0."
        ),
        allowed=MOVING | {"egress"},
        cost="O(filters)",
        bpf="bpf_skb_classify() of the 2021 series",
        exportable=False,
        low=0,
        high=U32_MAX,
    ),
    HelperSpec(
        name="skb_classify_action",
        args=(SKB_WRITE, Arg("handle"), Arg("ifindex", default=0)),
        doc=(
            "As skb_classify, but classid << 32 | action: 0 pass, 2 drop, 4 stolen by a bpf filter, "
            "4294967295 when there are filters and none matched."
        ),
        allowed=MOVING | {"egress"},
        cost="O(filters)",
        bpf="bpf_skb_tc_classify() of the 2024 series",
        exportable=False,
        low=-(2**63),
        high=S64_MAX,
    ),
    HelperSpec(
        name="child_enqueue",
        args=(OWNED, CLASSID),
        returns="bool",
        doc=(
            "Give the packet to the child qdisc of a class; it is taken either way, False means "
            "that the child dropped it."
        ),
        allowed=MOVING,
        bpf="qdisc_enqueue() on the child",
        exportable=False,
    ),
    HelperSpec(
        name="child_dequeue",
        args=(CLASSID,),
        returns="owned?",
        doc="The next packet of the child qdisc of a class, or None.",
        allowed=MOVING | {"reset"},
        bpf="the child's dequeue()",
        exportable=False,
    ),
    HelperSpec(
        name="child_peek",
        args=(CLASSID,),
        returns="peek?",
        doc=(
            "Look at the packet the child will give next; the child takes it out of its queue and "
            "holds it, unless it has a `peek` of its own."
        ),
        allowed=MOVING | {"peek"},
        bpf="the child's peek()",
        exportable=False,
    ),
    HelperSpec(
        name="child_qlen",
        args=(CLASSID,),
        doc="How many packets the child qdisc of a class holds.",
        allowed=QDISC,
        bpf="child->q.qlen",
        exportable=False,
        low=0,
        high=U32_MAX,
    ),
    HelperSpec(
        name="child_backlog",
        args=(CLASSID,),
        doc="How many bytes the child qdisc of a class holds.",
        allowed=QDISC,
        bpf="child->qstats.backlog",
        exportable=False,
        low=0,
        high=2**48,
    ),
    HelperSpec(
        name="classes",
        returns="nothing",
        doc="The class records of this qdisc, in creation order; only as `for cl in classes():`.",
        allowed=QDISC,
        cost="O(1) a step",
        exportable=False,
    ),
    HelperSpec(
        name="class_of",
        args=(CLASSID,),
        returns="class?",
        doc="The record of the class with this classid, or None.",
        allowed=QDISC,
        bpf="qdisc_class_find()",
        exportable=False,
    ),
    HelperSpec(
        name="range",
        args=(Arg("start"), Arg("stop", optional=True), Arg("step", optional=True)),
        returns="nothing",
        doc="The ints of a `for` loop, as in Python; step is a constant other than 0.",
        bpf="bpf_for()",
    ),
    HelperSpec(
        name="drop",
        args=(OWNED, Arg("reason", "text", optional=True)),
        returns="nothing",
        doc="Free the packet and count it as dropped, under a reason if one is given.",
        allowed=PROGRAMS - {"classify"},
        bpf="bpf_qdisc_skb_drop(skb, to_free), bpf_kfree_skb(skb)",
        statement=True,
    ),
    HelperSpec(
        name="trace",
        args=(Arg("format", "text"), Arg("…", "ints", optional=True)),
        returns="nothing",
        doc=(
            "Write a line to the log with time and source line; the format knows %d, %u, %x and %%."
        ),
        allowed=PROGRAMS,
        bpf="bpf_printk()",
        statement=True,
    ),
    HelperSpec(
        name="skb.load_u8",
        args=(SKB, Arg("offset")),
        doc=(
            "The byte at offset, 0 being the first of the Ethernet header; outside the packet "
            "stops the run."
        ),
        bpf="bpf_dynptr_slice()",
        low=0,
        high=255,
    ),
    HelperSpec(
        name="skb.load_u16",
        args=(SKB, Arg("offset")),
        doc="The 16-bit number at offset, in network byte order; outside the packet stops the run.",
        bpf="bpf_dynptr_slice(), bpf_ntohs()",
        low=0,
        high=65535,
    ),
    HelperSpec(
        name="skb.load_u32",
        args=(SKB, Arg("offset")),
        doc="The 32-bit number at offset, in network byte order; outside the packet stops the run.",
        bpf="bpf_dynptr_slice(), bpf_ntohl()",
        low=0,
        high=U32_MAX,
    ),
    HelperSpec(
        name="ctx.timer_after",
        args=(Arg("ns"),),
        returns="nothing",
        doc="Run `timer` once, ns nanoseconds (at least 1) from now; the last call wins.",
        allowed=frozenset({"enqueue", "dequeue", "init", "timer"}),
        bpf="bpf_timer_start()",
        exportable=False,
        statement=True,
    ),
)

HELPERS: dict[str, HelperSpec] = {spec.name: spec for spec in _SPECS}
CONSTANTS: dict[str, int] = {"RANK_MAX": S64_MAX}
DEVICE_DEFAULTS = ("TXQUEUELEN", "MTU")  # only as the default of a Param
