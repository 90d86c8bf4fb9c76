"""Qdisc: one node of a device's tree: verdicts, children, classes, filters, watchdog and counters.

Verdicts and counters: the series' v5/v6, with v7's counting of drops, BYPASS and STOLEN (docs/language.md). What the
posted code got wrong is not copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core import trap
from sandbox.core.classes import ClassTable
from sandbox.core.classifier import run_classifier
from sandbox.core.ctx import Ctx, later
from sandbox.core.dialect import M32, List, late, record
from sandbox.core.events import EV_TIMER, EV_WATCHDOG
from sandbox.core.filters import ACT_DROP, ACT_NONE, ACT_STOLEN, ACT_UNSPEC, Filter
from sandbox.core.instance import CALL_FUEL, Instance
from sandbox.core.kinds import (
    BYPASS,
    CLASSIFY,
    CN,
    D_BYPASS,
    D_NO_CHILD,
    D_NO_CLASS,
    D_VERDICT,
    DEQUEUE,
    DROP,
    FREE,
    HELD,
    PASS,
    PEEKED,
    QUEUED,
    STOLEN,
    THROTTLE,
    THROTTLED,
    TIMER,
    VERDICT,
)
from sandbox.core.skb import CB_WORDS, Skb

if TYPE_CHECKING:
    from sandbox.core.sim import Sim


@record
class Qdisc:
    """A qdisc of a device. `level` is its depth; `peeked` a packet its parent has looked at."""

    sim: Sim
    index: int
    place: int
    handle: int
    ifindex: int
    queue: int
    level: int
    instance: Instance
    ctx: Ctx
    classes: ClassTable
    parent: Qdisc | None = None
    parent_classid: int = 0
    alive: bool = True
    filters: List[Filter] = late()
    peeked: Skb | None = None
    requeued: Skb | None = None
    watchdog_ns: int = 0
    watchdog_key: int = 0
    timer_key: int = 0
    bytes: int = 0
    packets: int = 0
    drops: int = 0
    overlimits: int = 0
    requeues: int = 0
    marks: int = 0

    def _enter(self, entering: bool) -> Ctx:
        """Prepare context and instance for a call of an entry point."""
        ctx = self.ctx
        ctx.now = self.sim.now_ns
        ctx.classid = self.handle
        ctx.delay = 0
        instance = self.instance
        instance.running = self
        instance.entering = entering
        instance.fuel[0] = CALL_FUEL
        return ctx

    def _leave(self, line: int) -> None:
        """Finish a call: fuel is charged to the run, deleted entries settle."""
        instance = self.instance
        used = CALL_FUEL - instance.fuel[0]
        instance.fuel[0] = CALL_FUEL
        self.sim.burn(used, line)
        if instance.deletes:
            instance.settle()

    def enqueue(self, skb: Skb) -> bool:
        """Offer a packet to the program; False when it was dropped."""
        sim = self.sim
        now = sim.now_ns
        skb.enqueued_at = now
        if self.level > 0:
            skb.entered[self.level] = now
        instance = self.instance
        if instance.uses_cb:
            for i in range(self.level * CB_WORDS, (self.level + 1) * CB_WORDS):
                skb.cb[i] = 0
        ident = skb.id
        sim.current_skb = ident
        ctx = self.ctx
        ctx.now = now
        if instance.sets_ctx:
            ctx.classid = self.handle
            ctx.delay = 0
        instance.running = self
        instance.entering = True
        sim.caller = instance
        assert instance.enqueue is not None
        code: int = instance.enqueue(skb, ctx)
        verdict = code & 255
        line = code >> 8
        if sim.trace.kept:
            delay = ctx.delay if verdict == THROTTLE else 0
            sim.trace.note(ident, VERDICT, verdict, self.place, delay, line, 0, 0)
        if instance.settles:  # Qdisc._leave without the call
            sim.fuel_used += CALL_FUEL - instance.fuel[0]
            instance.fuel[0] = CALL_FUEL
            if instance.deletes or sim.fuel_used > sim.fuel_max:
                self._leave(line)
        if verdict == QUEUED or verdict == CN:
            state = skb.state
            if state == HELD and skb.id == ident:
                raise trap.Trap(trap.OWNERSHIP, line, ident)
            return state != FREE or sim.stolen_skb == ident
        return self._other_verdict(skb, ident, verdict, line)

    def _other_verdict(self, skb: Skb, ident: int, verdict: int, line: int) -> bool:
        sim = self.sim
        if verdict == THROTTLE:
            self._throttle(self.ctx.delay, line)
            if skb.id == ident and skb.state == HELD:
                raise trap.Trap(trap.OWNERSHIP, line, ident)
            return skb.state != FREE or sim.stolen_skb == ident
        if verdict == PASS:
            return self.enqueue_child(skb, self.ctx.classid, line)
        if verdict == STOLEN:
            if skb.state == HELD and skb.id == ident:
                sim.steal(skb, self.place, line)
            return True
        if skb.state != HELD or skb.id != ident:
            return True  # a filter has stolen it
        self.drops += 1
        if verdict == BYPASS:
            sim.drop(skb, D_BYPASS, self.place, line, 0)
            return True
        assert verdict == DROP
        sim.drop(skb, D_VERDICT, self.place, line, 0)
        return False

    def _throttle(self, delay_ns: int, line: int) -> None:
        """Arm the watchdog; the last setting wins."""
        if delay_ns < 1:
            raise trap.Trap(trap.DELAY, line, delay_ns)
        self.overlimits += 1
        expires = later(self.sim.now_ns, delay_ns)
        self.sim.trace.row(0, THROTTLED, 0, self.place, expires, line, 0, 0)
        if self.watchdog_key == 0 or self.watchdog_ns != expires:
            self.watchdog_ns = expires
            self.watchdog_key = self.sim.schedule(expires, EV_WATCHDOG, self.index)

    def arm_timer(self, at_ns: int) -> None:
        """Arm the timer; an earlier setting is void."""
        self.timer_key = self.sim.schedule(at_ns, EV_TIMER, self.index)

    def dequeue(self) -> Skb | None:
        """Ask for a packet: the one held by a peek, else the program's."""
        if self.peeked is not None:
            return self._take_peeked()
        sim = self.sim
        instance = self.instance
        ctx = self.ctx
        ctx.now = sim.now_ns
        if instance.sets_ctx:
            ctx.classid = self.handle
            ctx.delay = 0
        sim.current_skb = 0
        instance.running = self
        instance.entering = False
        sim.caller = instance
        assert instance.dequeue is not None
        code, skb = instance.dequeue(ctx)
        if instance.settles:
            sim.fuel_used += CALL_FUEL - instance.fuel[0]
            instance.fuel[0] = CALL_FUEL
            if instance.deletes or sim.fuel_used > sim.fuel_max:
                self._leave(code >> 8)
        if skb is None and code & 255 != QUEUED:
            skb = self._other_dequeue(code)
        if skb is None:
            return None
        given: Skb = skb
        if given.state != HELD:
            raise trap.Trap(trap.OWNERSHIP, code >> 8, given.id)
        self.bytes += given.len
        self.packets += 1
        if sim.trace.kept:
            waited = sim.now_ns - self.entered_ns(given)
            verdict = code & 255
            qlen = instance.gauge.qlen
            line = code >> 8
            sim.trace.note(given.id, DEQUEUE, verdict, self.place, waited, line, 0, qlen)
        return given

    def entered_ns(self, skb: Skb) -> int:
        """Return when a packet entered this qdisc; a root is entered on arrival."""
        return skb.entered[self.level] if self.level > 0 else skb.born_ns

    def _take_peeked(self) -> Skb | None:
        skb = self.peeked
        assert skb is not None
        self.peeked = None
        skb.state = HELD
        self.instance.gauge.sub(skb.len)
        return skb

    def _other_dequeue(self, code: int) -> Skb | None:
        """Carry out THROTTLE and PASS of a dequeue."""
        if code & 255 == THROTTLE:
            self._throttle(self.ctx.delay, code >> 8)
            return None
        return self.dequeue_child(self.ctx.classid, code >> 8)

    def child_of(self, classid: int) -> Qdisc | None:
        """Return the child qdisc of a class."""
        tc_class = self.classes.find(classid)
        return tc_class.child if tc_class is not None else None

    def enqueue_child(self, skb: Skb, classid: int, line: int) -> bool:
        """Give a packet to the child of a class; without class or child it is dropped and counted.

        One that a filter has stolen is nobody's to give: nothing happens.
        """
        if skb.state != HELD:
            return True
        tc_class = self.classes.find(classid)
        if tc_class is None or tc_class.child is None:
            code = D_NO_CLASS if tc_class is None else D_NO_CHILD
            if tc_class is not None:
                tc_class.drops += 1
            self.drops += 1
            self.sim.drop(skb, code, self.place, line, 0)
            return False
        tc_class.child.ctx.queue = self.ctx.queue
        taken = tc_class.child.enqueue(skb)
        self.sim.caller = self.instance
        if taken:
            return True
        self.drops += 1
        tc_class.drops += 1
        return False

    def dequeue_child(self, classid: int, line: int) -> Skb | None:
        """Return the next packet of a class's child, counted for the class."""
        tc_class = self.classes.find(classid)
        if tc_class is None or tc_class.child is None:
            return None
        skb = self._asked(tc_class.child)
        if skb is None:
            return None
        tc_class.bytes += skb.len
        tc_class.packets += 1
        skb.enqueued_at = self.entered_ns(skb)
        return skb

    def _asked(self, child: Qdisc) -> Skb | None:
        """Return what a child gives; whoever asked goes on with its own packet."""
        sim = self.sim
        current = sim.current_skb
        child.ctx.queue = self.ctx.queue
        skb = child.dequeue()
        sim.caller = self.instance
        sim.current_skb = current
        return skb

    def peek_child(self, classid: int, line: int) -> Skb | None:
        """Return the packet the child gives next, which it holds from now on (qdisc_peek_dequeued).

        A child whose program has a `peek` is asked that, and holds nothing.
        """
        child = self.child_of(classid)
        if child is None:
            return None
        if child.peeked is None and child.instance.peek is not None:
            child.ctx.queue = self.ctx.queue
            return child.look()
        if child.peeked is None:
            skb = self._asked(child)
            if skb is None:
                return None
            skb.state = PEEKED
            skb.enqueued_at = self.entered_ns(skb)
            child.peeked = skb
            child.instance.gauge.add(skb.len)
        return child.peeked

    def look(self) -> Skb | None:
        """Ask the program's own `peek`: the packet stays where it is."""
        instance = self.instance
        assert instance.peek is not None
        caller = self.sim.caller
        self.sim.caller = instance
        skb: Skb | None = instance.peek(self._enter(False))
        self._leave(0)
        self.sim.caller = caller
        return skb

    def classify_by_filters(self, skb: Skb, parent: int, line: int) -> int:
        """Return classid << 32 | action of the first filter that matches.

        ACT_UNSPEC, 32 ones, when there are filters and none matches, as tcf_classify has it; 0 without any filter.
        """
        none = 0
        for i in range(len(self.filters)):
            found = self.filters[i]
            if found.parent != parent:
                continue
            none = ACT_UNSPEC
            if not found.matches(skb):
                continue
            classid = found.classid
            if found.classifier is not None:
                answer = run_classifier(self.sim, found.classifier, skb, self, line)
                if answer == 0:
                    continue
                if answer < 0:
                    found.hits += 1
                    return ACT_STOLEN
                if answer < M32:  # 32 ones stand for the filter's own, as for cls_bpf
                    classid = answer
            found.hits += 1
            self.sim.trace.row(skb.id, CLASSIFY, (i + 1) & 255, self.place, classid, line, 0, i)
            action = 0 if found.action == ACT_NONE else found.action
            return (0 if action == ACT_DROP else classid << 32) | action
        return none

    def fire_timer(self) -> None:
        """Run the program's timer."""
        self.timer_key = 0
        self.sim.trace.row(0, TIMER, 0, self.place, 0, 0, 0, 0)
        self.sim.current_skb = 0
        if self.instance.timer is not None:
            self.sim.caller = self.instance
            self.instance.timer(self._enter(False))
            self._leave(0)

    def run_init(self) -> None:
        """Run the program's init."""
        if self.instance.init is not None:
            self.sim.caller = self.instance
            self.instance.init(self._enter(False))
            self._leave(0)

    def run_reset(self) -> None:
        """Run the program's reset and cancel the watchdog, as when the device goes down; the timer goes on."""
        self.watchdog_key = 0
        self.sim.current_skb = 0
        if self.instance.reset is not None:
            self.sim.caller = self.instance
            self.instance.reset(self._enter(False))
            self._leave(0)
