"""Sim: the root of a run's state and the event loop.

Events are heap items (time_ns, order, kind, index, skb); `order` puts scenario events before ends of
transmission before arrivals before timers at one instant, and is otherwise the order of scheduling.
"""

from __future__ import annotations

from heapq import heappop, heappush, heapreplace

from sandbox.core import trap
from sandbox.core.clsact import run_egress
from sandbox.core.ctx import Ctx
from sandbox.core.dialect import Array, List, i32, late, record
from sandbox.core.instance import Instance
from sandbox.core.kinds import (
    ARRIVE,
    D_LINK,
    DROPPED,
    STOLE,
    WATCHDOG,
)
from sandbox.core.netdev import EV_RECEIVE, EV_TX_END, NEVER, Netdev, TxQueue
from sandbox.core.qdisc import EV_TIMER, EV_WATCHDOG, Qdisc
from sandbox.core.skb import Skb, SkbPool
from sandbox.core.sources import SCRIPT, Source
from sandbox.core.trace import Trace

EV_CHANGE, EV_ARRIVE = 0, 5
ORDER_BITS = 40
ORDER_MASK = (1 << ORDER_BITS) - 1
# A watchdog or timer costs the run fuel too, so that waking each nanosecond ends.
RUN_FUEL, PACKET_FUEL, WAKE_FUEL, BUSY_MAX = 1_000_000, 1_000, 100, 100_000
# A reader gets the rows between two instants, so those of one are held until it is over.
BUSY_ROWS_MAX = 800_000

# Rank of an event kind at one instant: changes, ends of transmission, receptions, arrivals, timers.
ORDERS: Array[int] = Array([rank << ORDER_BITS for rank in (0, 1, 1, 3, 3, 2)])
TX_END_ORDER, ARRIVE_ORDER = 1 << ORDER_BITS, 2 << ORDER_BITS


@record
class Sim:
    """All state of a run."""

    trace: Trace
    pool: SkbPool
    seed: int
    end_ns: int
    packets_max: int
    now_ns: int = 0
    sequence: int = 0
    events: List[tuple[int, int, i32, i32, Skb | None]] = late()
    devices: List[Netdev] = late()  # by ifindex - 1
    first: Netdev = late()  # of the devices
    first_queue: TxQueue = late()  # of the first device
    qdiscs: List[Qdisc] = late()
    instances: List[Instance] = late()
    shared: List[Instance] = late()
    sources: List[Source] = late()
    hook_ctx: List[Ctx] = late()  # of egress programs, by ifindex - 1
    hook_places: List[int] = late()
    log: List[tuple[int, int, int, int, int, tuple[int, ...]]] = late()
    changes: List[int] = late()
    current_skb: int = 0
    stolen_skb: int = 0  # the last packet that was freed without a drop
    caller: Instance | None = None  # whose entry point is running
    fuel_used: int = 0
    fuel_max: int = RUN_FUEL  # grows with every packet
    busy_ns: int = -1
    busy: int = 0
    busy_rows: int = 0
    handled: int = 0
    held: bool = False  # the event being carried out still lies on the heap, on top
    alone: bool = False  # one device: the end of its transmission is kept there, not on the heap

    def open(self) -> None:
        """Allocate the lists."""
        self.events = List()
        self.devices = List()
        self.qdiscs = List()
        self.instances = List()
        self.shared = List()
        self.sources = List()
        self.hook_ctx = List()
        self.hook_places = List()
        self.log = List()
        self.changes = List()

    def schedule(self, at_ns: int, kind: int, index: int, skb: Skb | None) -> int:
        """Put an event on the heap; returns its number, by which it can be told from later ones."""
        self.sequence += 1
        number = self.sequence
        if self.held:  # it takes the place of the event that is being carried out
            self.held = False
            heapreplace(self.events, (at_ns, ORDERS[kind] + number, kind, index, skb))
        else:
            heappush(self.events, (at_ns, ORDERS[kind] + number, kind, index, skb))
        return number

    def release(self) -> None:
        """Take the event that was carried out off the heap unless another took its place."""
        if self.held:
            self.held = False
            heappop(self.events)

    def start(self) -> None:
        """Run every program's init and schedule the first arrivals."""
        self.alone = len(self.devices) == 1
        for i in range(len(self.qdiscs)):
            qdisc = self.qdiscs[i]
            if qdisc.instance.users[0] is qdisc:
                qdisc.run_init()
        for i in range(len(self.sources)):
            first = self.sources[i].first_ns()
            if first >= 0:
                self.plan(self.sources[i], first)
        self.ask()

    def plan(self, source: Source, at_ns: int) -> None:
        """Schedule a source's next arrival unless its time is over."""
        if source.stop_ns < 0 or at_ns < source.stop_ns:
            source.due = self.schedule(at_ns, EV_ARRIVE, source.index, None)

    def due_ns(self) -> int:
        """Return the time of the next event, -1 when nothing is left before the end of the run."""
        self.release()
        at_ns = self.first.tx_end_ns
        if len(self.events) > 0 and self.events[0][0] < at_ns:
            at_ns = self.events[0][0]
        return at_ns if at_ns <= self.end_ns else -1

    def run(self, rows: int, steps: int) -> None:
        """Carry out up to `steps` events, until `rows` rows were kept, a change is due or the run is over.

        Changes of the scenario are the caller's to apply: they wait in `changes`.
        """
        trace = self.trace
        events = self.events
        end_ns = self.end_ns
        first = self.first
        queue = self.first_queue
        root = first.shared_root
        ring = first.ring_packets
        simple = self.alone and len(self.shared) == 0 and len(first.queues) == 1
        for _ in range(steps):
            if self.held:
                self.release()
            if trace.rows >= rows:
                return
            at_ns = events[0][0] if len(events) > 0 else NEVER
            wire_ns = first.tx_end_ns
            if wire_ns < at_ns or (
                wire_ns == at_ns and wire_ns < NEVER and first.tx_seq + TX_END_ORDER < events[0][1]
            ):
                if wire_ns > end_ns:
                    return
                self._tick(wire_ns)
                first.tx_end_ns = NEVER
                first.tx_end()
                first.asked = True
            else:
                if at_ns > end_ns:
                    return
                self._tick(at_ns)
                self.held = True
                if events[0][2] == EV_ARRIVE:
                    source = self.sources[events[0][3]]
                    if source.due == events[0][1] & ORDER_MASK:
                        self.arrive(source)
                elif self._carry_out():
                    return
            if root is None or not simple:
                self.ask()
            elif first.asked:
                first.asked = False
                if queue.count < ring and first.up:
                    first.pull_only(root, queue)

    def _tick(self, at_ns: int) -> None:
        self.now_ns = at_ns
        self.trace.now_ns = at_ns
        self.handled += 1

    def _carry_out(self) -> bool:
        """Carry out the event on top of the heap, no arrival; True when it is a change, the caller's to apply."""
        _, order, kind, index, skb = self.events[0]
        number = order & ORDER_MASK
        if kind == EV_TX_END:
            device = self.devices[index - 1]
            if device.tx_seq == number:
                device.tx_end()
                device.asked = True
        elif kind == EV_RECEIVE:
            assert skb is not None
            self.devices[index - 1].receive(skb)
        elif kind == EV_CHANGE:
            self.changes.append(index)
            self.release()
            return True
        else:
            self._wake(self.qdiscs[index], kind, number)
        return False

    def _wake(self, qdisc: Qdisc, kind: int, number: int) -> None:
        if kind == EV_WATCHDOG and qdisc.watchdog_seq == number:
            qdisc.watchdog_seq = 0
            self.trace.row(0, WATCHDOG, 0, qdisc.place, 0, 0, 0, 0)
        elif kind == EV_TIMER and qdisc.timer_seq == number:
            qdisc.fire_timer()
        else:
            return
        self.devices[qdisc.ifindex - 1].asked = True
        self.burn(WAKE_FUEL, 0)

    def arrive(self, source: Source) -> None:
        """Make a source's packet, send it on its way and plan the next."""
        len_bytes = source.fixed_len
        if len_bytes == 0:
            len_bytes = source.pick_len()
        if source.on:
            if self.pool.made >= self.packets_max:
                raise trap.Trap(trap.TOO_MANY_PACKETS, 0, self.packets_max)
            self.send(source, self.make(source, len_bytes))
        at_ns = source.next_ns(self.now_ns, len_bytes)
        if at_ns >= 0 and (source.stop_ns < 0 or at_ns < source.stop_ns):
            if self.held:  # Sim.schedule without the call
                self.held = False
                self.sequence += 1
                source.due = self.sequence
                order = ARRIVE_ORDER + self.sequence
                heapreplace(self.events, (at_ns, order, EV_ARRIVE, source.index, None))
            else:
                source.due = self.schedule(at_ns, EV_ARRIVE, source.index, None)

    def make(self, source: Source, len_bytes: int) -> Skb:
        """Return a new packet of a source."""
        self.fuel_max += PACKET_FUEL
        skb = self.pool.take()
        skb.header = source.header
        skb.flow = source.index
        skb.stats = source.stats
        skb.len = len_bytes
        skb.ident = source.sent & 0xFFFF
        skb.born_ns = self.now_ns
        skb.priority = source.priority
        skb.mark = source.mark
        skb.tos = source.tos
        skb.ifindex = source.device
        skb.queue_mapping = source.queue + 1
        skb.deadline_ns = 0
        skb.tstamp = 0
        if source.deadline_ns > 0:
            skb.deadline_ns = self.now_ns + source.deadline_ns
            skb.tstamp = skb.deadline_ns
        if source.kind == SCRIPT:
            self._recorded(source, skb)
        source.sent += 1
        return skb

    def _recorded(self, source: Source, skb: Skb) -> None:
        """Take over what a recording says of this packet; a burst after its end is like its last one."""
        at = min(source.at, len(source.times) - 1)
        if len(source.priorities) > 0:
            skb.priority = source.priorities[at]
        if len(source.marks) > 0:
            skb.mark = source.marks[at]
        if len(source.toses) > 0:
            skb.tos = source.toses[at]

    def send(self, source: Source, skb: Skb) -> None:
        """Pass a packet through egress and queue choice to its root qdisc."""
        stats = source.stats
        stats.offered_packets += 1
        stats.offered_bytes += skb.len
        if stats.first_ns < 0:
            stats.first_ns = self.now_ns
        device = self.devices[skb.ifindex - 1]
        if self.trace.kept:
            self._note_arrival(skb, device)
        device.asked = True
        if not device.up:
            device.drops += 1
            self.drop(skb, D_LINK, device.place, 0, 0)
            return
        if device.egress is not None and not run_egress(self, device, device.egress, skb):
            return
        count = len(device.queues)
        chosen = 0
        if count > 1:
            wanted = skb.queue_mapping
            chosen = (wanted - 1) % count if wanted > 0 else (skb.header.tuple_hash * count) >> 32
        skb.queue_mapping = chosen
        root = device.shared_root
        if root is None:
            root = device.queues[chosen].root
        assert root is not None
        root.ctx.queue = chosen
        root.enqueue(skb)

    def _note_arrival(self, skb: Skb, device: Netdev) -> None:
        value = (skb.priority << 32) | skb.mark
        if value >= 1 << 63:
            value -= 1 << 64
        self.trace.note(skb.id, ARRIVE, 0, device.place, value, 0, skb.flow, skb.len)

    def ask(self) -> None:
        """Let every device that has a reason to look for packets do so, in ifindex order, until none has."""
        again = True
        while again:
            again = False
            self._ask_users()
            for i in range(len(self.devices)):
                device = self.devices[i]
                if device.asked:
                    device.asked = False
                    again = True
                    if not device.full():
                        device.pull()

    def _ask_users(self) -> None:
        """Whoever pushed into a shared map gives all devices behind it a reason to look."""
        for i in range(len(self.shared)):
            instance = self.shared[i]
            if instance.pushed:
                instance.pushed = False
                for k in range(len(instance.users)):
                    self.devices[instance.users[k].ifindex - 1].asked = True

    def pushed_while_asked(self, device: Netdev) -> bool:
        """Return whether a device's programs pushed packets since its instances' flags were cleared.

        It then has a reason to ask again at once, and so have other devices behind a shared map; a program that always
        does so would keep the clock from moving, so the times are counted.
        """
        again = False
        for i in range(len(device.instances)):
            if device.instances[i].pushed:
                again = True
        if again:
            self._count_busy()
            self._mark_shared(device)
            device.clear_pushed()
        return again

    def _mark_shared(self, device: Netdev) -> None:
        for i in range(len(self.shared)):
            instance = self.shared[i]
            if instance.pushed:
                for k in range(len(instance.users)):
                    if instance.users[k].ifindex != device.ifindex:
                        self.devices[instance.users[k].ifindex - 1].asked = True

    def _count_busy(self) -> None:
        if self.busy_ns != self.now_ns:
            self.busy_ns = self.now_ns
            self.busy = 0
            self.busy_rows = self.trace.rows
        self.busy += 1
        if self.trace.rows - self.busy_rows > BUSY_ROWS_MAX:
            raise trap.Trap(trap.TOO_MANY_ROWS, 0, self.trace.rows - self.busy_rows)
        if self.busy > BUSY_MAX:
            raise trap.Trap(trap.LOOP_AT_INSTANT, 0, self.busy)

    def burn(self, fuel: int, line: int) -> None:
        """Charge the run for a call's loops."""
        self.fuel_used += fuel
        if self.fuel_used > self.fuel_max:
            raise trap.Trap(trap.FUEL_RUN, line, self.fuel_used)

    def drop(self, skb: Skb, code: int, place: int, line: int, reason: int) -> None:
        """Free a packet, counted as dropped."""
        skb.stats.drops += 1
        waited = self.now_ns - skb.born_ns
        self.trace.row(skb.id, DROPPED, code, place, waited, line, 0, reason)
        self.pool.give(skb)

    def steal(self, skb: Skb, place: int, line: int) -> None:
        """Free a packet that a program took for itself; no drop."""
        skb.stats.stolen += 1
        self.trace.row(skb.id, STOLE, 0, place, 0, line, 0, 0)
        self.stolen_skb = skb.id
        self.pool.give(skb)

    def qdisc_of(self, ifindex: int, handle: int) -> Qdisc | None:
        """Return the qdisc whose handle is the major of `handle` on a device."""
        for i in range(len(self.qdiscs)):
            qdisc = self.qdiscs[i]
            if qdisc.alive and qdisc.ifindex == ifindex and qdisc.handle == handle & 0xFFFF0000:
                return qdisc
        return None
