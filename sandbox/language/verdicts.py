"""Entry points and verdicts: who is called with what, and what each answer demands of a packet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSpec:
    """A verdict. `packet` says what must have become of enqueue's packet: gone, owned or either."""

    name: str
    doc: str
    bpf: str
    packet: str
    allowed: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySpec:
    """An entry point. `returns` is what it answers, in the user's words."""

    name: str
    params: tuple[str, ...]
    returns: str
    doc: str
    bpf: str = ""
    required: bool = False

    @property
    def signature(self) -> str:
        """Return the form shown to users, e.g. `enqueue(skb, ctx)`."""
        return f"{self.name}({', '.join(self.params)})"


_ENQUEUE = frozenset({"enqueue"})

_VERDICTS = (
    VerdictSpec(
        name="QUEUED",
        doc="The packet was pushed, handed on, or dropped.",
        bpf="NET_XMIT_SUCCESS",
        packet="gone",
        allowed=_ENQUEUE,
    ),
    VerdictSpec(
        name="CN",
        doc="Congestion: a packet was dropped, this one or another that was waiting.",
        bpf="NET_XMIT_CN",
        packet="gone",
        allowed=_ENQUEUE,
    ),
    VerdictSpec(
        name="DROP",
        doc="Drop the packet, which the program still owns.",
        bpf="NET_XMIT_DROP",
        packet="owned",
        allowed=frozenset({"enqueue", "egress"}),
    ),
    VerdictSpec(
        name="THROTTLE",
        doc="Ask this qdisc again ctx.delay ns from now; in enqueue the packet was pushed before.",
        bpf="bpf_qdisc_watchdog_schedule()",
        packet="gone",
        allowed=frozenset({"enqueue", "dequeue"}),
    ),
    VerdictSpec(
        name="BYPASS",
        doc="Drop the packet without telling the sender.",
        bpf="NET_XMIT_SUCCESS | __NET_XMIT_BYPASS",
        packet="owned",
        allowed=_ENQUEUE,
    ),
    VerdictSpec(
        name="PASS",
        doc="Hand the packet to the child of ctx.classid; in dequeue, ask that child.",
        bpf="SCH_BPF_PASS of the series",
        packet="owned",
        allowed=frozenset({"enqueue", "dequeue"}),
    ),
    VerdictSpec(
        name="STOLEN",
        doc=(
            "The packet is none of the caller's business any more: pushed somewhere, or freed "
            "without counting a drop."
        ),
        bpf="NET_XMIT_SUCCESS | __NET_XMIT_STOLEN, TC_ACT_STOLEN",
        packet="either",
        allowed=frozenset({"enqueue", "egress", "classify"}),
    ),
    VerdictSpec(
        name="OK",
        doc="Let the packet go on to the qdisc.",
        bpf="TC_ACT_OK",
        packet="owned",
        allowed=frozenset({"egress"}),
    ),
)

VERDICTS: dict[str, VerdictSpec] = {spec.name: spec for spec in _VERDICTS}

_ENTRIES = (
    EntrySpec(
        name="enqueue",
        params=("skb", "ctx"),
        returns="a verdict",
        doc="Called with every packet; says what became of it.",
        bpf="Qdisc_ops.enqueue",
        required=True,
    ),
    EntrySpec(
        name="dequeue",
        params=("ctx",),
        returns="a packet, None, THROTTLE or PASS",
        doc="Called when the device can send; returns the packet to send next.",
        bpf="Qdisc_ops.dequeue",
        required=True,
    ),
    EntrySpec(
        name="peek",
        params=("ctx",),
        returns="a packet only looked at, or None",
        doc=(
            "What dequeue would give now, left where it is; without it a parent that peeks makes "
            "this qdisc dequeue the packet and hold it."
        ),
        bpf="Qdisc_ops.peek",
    ),
    EntrySpec(
        name="init",
        params=("ctx",),
        returns="nothing",
        doc="Called once, when the qdisc is attached.",
        bpf="Qdisc_ops.init",
    ),
    EntrySpec(
        name="reset",
        params=("ctx",),
        returns="nothing",
        doc="Called after the maps lost their packets because the device went down.",
        bpf="Qdisc_ops.reset",
    ),
    EntrySpec(
        name="timer",
        params=("ctx",),
        returns="nothing",
        doc="Called once after ctx.timer_after(ns); afterwards the device is asked.",
        bpf="bpf_timer callback",
    ),
    EntrySpec(
        name="egress",
        params=("skb", "ctx"),
        returns="OK, DROP or STOLEN",
        doc="Called before the qdisc, with every packet that leaves the device (clsact).",
        bpf="clsact egress",
    ),
    EntrySpec(
        name="classify",
        params=("skb", "ctx"),
        returns="a classid, 0 or STOLEN",
        doc="Called as a tc bpf filter; a classid is a match, 0 is none.",
        bpf="cls_bpf",
    ),
)

ENTRIES: dict[str, EntrySpec] = {spec.name: spec for spec in _ENTRIES}
