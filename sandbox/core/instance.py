"""Instance: one loaded program with its maps, globals and parameters, and what its code may ask of the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.core import trap
from sandbox.core.dialect import INT_MAX, M32, Array, Hook, List, late, record
from sandbox.core.flowmap import FlowMap
from sandbox.core.gauge import Gauge
from sandbox.core.ints import IntQueue
from sandbox.core.kinds import (
    D_ENQUEUE,
    D_QUEUED,
    HELD,
    LOG,
    MARK,
)
from sandbox.core.rng import Rng
from sandbox.core.skb import Skb
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbmaps import SkbMapArray, SkbMapHash
from sandbox.core.tables import Table

if TYPE_CHECKING:
    from sandbox.core.qdisc import Qdisc
    from sandbox.core.sim import Sim

CALL_FUEL = 50_000
LOG_LINES_MAX = 10_000
WRAP_FORMAT = -1


@record
class Instance:
    """A program instance. `users` are the qdiscs it runs as; `running` is the one whose entry point is being called.

    `entering` is true while `enqueue` or `egress` decides about a packet that no map has taken yet.
    """

    sim: Sim
    index: int
    place: int
    gauge: Gauge
    rng: Rng
    pushed: bool = False
    entering: bool = False
    fuel: Array[int] = late()  # one word: what is left of CALL_FUEL in this call
    uses_cb: bool = False
    sets_ctx: bool = True  # its programs write ctx.delay or ctx.classid
    settles: bool = True  # its calls burn fuel or delete entries, so `_leave` has work
    deletes: bool = True  # its calls may delete entries
    enqueue: Hook | None = None
    dequeue: Hook | None = None
    peek: Hook | None = None
    init: Hook | None = None
    reset: Hook | None = None
    timer: Hook | None = None
    egress: Hook | None = None
    classify: Hook | None = None
    running: Qdisc | None = None
    users: List[Qdisc] = late()
    skb_maps: List[SkbMap] = late()
    skb_arrays: List[SkbMapArray] = late()
    skb_hashes: List[SkbMapHash] = late()
    flow_maps: List[FlowMap] = late()
    tables: List[Table] = late()
    int_queues: List[IntQueue] = late()
    params: List[Any] = late()  # an int each, an Array for a list
    reason_drops: Array[int] = late()
    wrapped_lines: List[int] = late()

    def open(self) -> None:
        """Allocate the lists."""
        self.users = List()
        self.skb_maps = List()
        self.skb_arrays = List()
        self.skb_hashes = List()
        self.flow_maps = List()
        self.tables = List()
        self.int_queues = List()
        self.params = List()
        self.reason_drops = Array(33)
        self.fuel = Array([CALL_FUEL])
        self.wrapped_lines = List()

    def settle(self) -> None:
        """Finish an entry point: entries deleted in it may be reused from now on."""
        for i in range(len(self.tables)):
            if len(self.tables[i].dying) > 0:
                self.tables[i].settle()

    def random(self) -> int:
        """Return 32 random bits of the instance's stream."""
        return self.rng.u32()

    def drop(self, skb: Skb, reason: int, line: int) -> None:
        """Free a packet that the program holds and count it as dropped; one that a filter has stolen is not its own."""
        if skb.state != HELD:
            return
        qdisc = self.running
        code = D_ENQUEUE if self.entering else D_QUEUED
        self.reason_drops[reason] += 1
        if qdisc is not None:
            qdisc.drops += 1
            self.sim.drop(skb, code, qdisc.place, line, reason)
        else:
            self.sim.drop(skb, code, self.place, line, reason)

    def mark_ecn(self, skb: Skb, line: int) -> bool:
        """Set Congestion Experienced on an ECN-capable packet; False when it is not capable (RFC 3168)."""
        if skb.tos & 3 == 0:
            return False
        if skb.tos & 3 != 3:
            skb.tos |= 3
            skb.stats.marks += 1
        if self.running is not None:
            self.running.marks += 1
        self.sim.trace.row(skb.id, MARK, 0, self.place, 0, line, 0, 0)
        return True

    def log(self, form: int, args: tuple[int, ...], line: int) -> None:
        """Write a line to the log; the text is made from the format outside the core."""
        sim = self.sim
        index = len(sim.log)
        if index >= LOG_LINES_MAX:
            raise trap.Trap(trap.LOG_LIMIT, line, index)
        skb = sim.current_skb
        sim.log.append((sim.now_ns, self.index, line, skb, form, args))
        sim.trace.row(skb, LOG, 0, self.place, form, line, 0, index)

    def wrapped(self, line: int) -> None:
        """Note that an int wrapped in a line; logged once for each line."""
        if line not in self.wrapped_lines and len(self.sim.log) < LOG_LINES_MAX:
            self.wrapped_lines.append(line)
            self.log(WRAP_FORMAT, (), line)

    def skb_classify(self, skb: Skb, handle: int, ifindex: int, line: int) -> int:
        """Return the classid that the filters of a qdisc or class give, 0 for none or a drop."""
        verdict = self.skb_classify_action(skb, handle, ifindex, line)
        return (verdict >> 32) & M32 if verdict & M32 == 0 else 0

    def skb_classify_action(self, skb: Skb, handle: int, ifindex: int, line: int) -> int:
        """Return classid << 32 | action of the filters of a qdisc or class, as a signed number."""
        sim = self.sim
        if ifindex == 0:
            ifindex = skb.ifindex
        qdisc = self.running
        if qdisc is None or qdisc.handle != handle or qdisc.ifindex != ifindex:
            qdisc = sim.qdisc_of(ifindex, handle)
        if qdisc is None or len(qdisc.filters) == 0:
            return 0
        found = qdisc.classify_by_filters(skb, handle, line)
        return found - (1 << 64) if found > INT_MAX else found

    def child_enqueue(self, skb: Skb, classid: int, line: int) -> bool:
        """Give a packet to the child of a class; it is taken either way."""
        qdisc = self.running
        assert qdisc is not None
        entering = self.entering
        taken = qdisc.enqueue_child(skb, classid, line)
        self.entering = entering
        return taken

    def child_dequeue(self, classid: int, line: int) -> Skb | None:
        """Return the next packet of the child of a class."""
        assert self.running is not None
        return self.running.dequeue_child(classid, line)

    def child_peek(self, classid: int, line: int) -> Skb | None:
        """Return the packet the child will give next; the child holds it from now on."""
        assert self.running is not None
        return self.running.peek_child(classid, line)

    def child_qlen(self, classid: int) -> int:
        """Return how many packets the child of a class holds."""
        assert self.running is not None
        child = self.running.child_of(classid)
        return child.instance.gauge.qlen if child is not None else 0

    def child_backlog(self, classid: int) -> int:
        """Return how many bytes the child of a class holds."""
        assert self.running is not None
        child = self.running.child_of(classid)
        return child.instance.gauge.backlog if child is not None else 0
