"""Sim: the root of a run's state and the event loop."""

from __future__ import annotations

from heapq import heappop, heappush, heapreplace

from sandbox.core import trap
from sandbox.core.clsact import run_egress
from sandbox.core.ctx import Ctx
from sandbox.core.dialect import List, i32, late, record
from sandbox.core.events import (
    ARRIVE_BASE,
    BASES,
    EV_ARRIVE,
    EV_CHANGE,
    EV_RECEIVE,
    EV_TIMER,
    EV_TX_END,
    EV_WATCHDOG,
    KIND_BITS,
    KIND_MASK,
    NUMBER_SHIFT,
    index_of,
)
from sandbox.core.instance import Instance
from sandbox.core.kinds import (
    ARRIVE,
    D_LINK,
    DROPPED,
    STOLE,
    WATCHDOG,
)
from sandbox.core.netdev import NEVER, Netdev, TxQueue
from sandbox.core.qdisc import Qdisc
from sandbox.core.skb import Skb, SkbPool
from sandbox.core.sources import Source
from sandbox.core.trace import Trace

# A watchdog or timer costs the run fuel too, so that waking each nanosecond ends.
RUN_FUEL, PACKET_FUEL, WAKE_FUEL, BUSY_MAX = 1_000_000, 1_000, 100, 100_000
# A reader gets the rows between two instants, so those of one are held until it is over.
BUSY_ROWS_MAX = 800_000


@record
class Sim:
    """All state of a run."""

    trace: Trace
    pool: SkbPool
    seed: int
    end_ns: int
    packets_max: int
    now_ns: int = 0
    number: int = 0  # of the latest event
    events: List[tuple[int, int]] = late()
    # Packets behind a wire that takes time, each with the ifindex of its device, and the places there that are free.
    flights: List[tuple[Skb, i32]] = late()
    landed: List[int] = late()
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
        self.flights = List()
        self.landed = List()
        self.devices = List()
        self.qdiscs = List()
        self.instances = List()
        self.shared = List()
        self.sources = List()
        self.hook_ctx = List()
        self.hook_places = List()
        self.log = List()
        self.changes = List()

    def schedule(self, at_ns: int, kind: int, index: int) -> int:
        """Put an event on the heap; returns its key, by which it can be told from later ones."""
        self.number += 1
        key = BASES[kind] + (self.number << NUMBER_SHIFT) + (index << KIND_BITS)
        if self.held:  # it takes the place of the event that is being carried out
            self.held = False
            heapreplace(self.events, (at_ns, key))
        else:
            heappush(self.events, (at_ns, key))
        return key

    def fly(self, skb: Skb, ifindex: int, at_ns: int) -> None:
        """Let a packet that has left a wire arrive behind it later."""
        slot = len(self.flights)
        if len(self.landed) > 0:
            slot = self.landed.pop()
            self.flights[slot] = (skb, ifindex)
        else:
            self.flights.append((skb, ifindex))
        self.schedule(at_ns, EV_RECEIVE, slot)

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
            source.due = self.schedule(at_ns, EV_ARRIVE, source.index)

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
        if not self.alone or len(self.shared) > 0 or len(first.queues) > 1:
            root = None
        last = self.handled + steps
        while self.handled < last:
            if self.held:
                self.release()
            if trace.rows >= rows:
                return
            at_ns = events[0][0] if len(events) > 0 else NEVER
            wire_ns = first.tx_end_ns
            if wire_ns < at_ns or (
                wire_ns == at_ns and wire_ns < NEVER and first.tx_key < events[0][1]
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
                key = events[0][1]
                if key & KIND_MASK == EV_ARRIVE:
                    source = self.sources[index_of(key)]
                    if source.due == key:
                        self.arrive(source)
                elif self._carry_out(key):
                    return
            if root is None:
                self.ask()
            elif first.asked:
                first.asked = False
                if queue.count < ring and first.up:
                    first.pull_only(root, queue)

    def _tick(self, at_ns: int) -> None:
        self.now_ns = at_ns
        self.trace.now_ns = at_ns
        self.handled += 1

    def _carry_out(self, key: int) -> bool:
        """Carry out the event on top of the heap, no arrival; True when it is a change, the caller's to apply."""
        kind = key & KIND_MASK
        index = index_of(key)
        if kind == EV_TX_END:
            device = self.devices[index - 1]
            if device.tx_key == key:
                device.tx_end()
                device.asked = True
        elif kind == EV_RECEIVE:
            skb, ifindex = self.flights[index]
            self.landed.append(index)
            self.devices[ifindex - 1].receive(skb)
        elif kind == EV_CHANGE:
            self.changes.append(index)
            self.release()
            return True
        else:
            self._wake(self.qdiscs[index], kind, key)
        return False

    def _wake(self, qdisc: Qdisc, kind: int, key: int) -> None:
        if kind == EV_WATCHDOG and qdisc.watchdog_key == key:
            qdisc.watchdog_key = 0
            self.trace.row(0, WATCHDOG, 0, qdisc.place, 0, 0, 0, 0)
        elif kind == EV_TIMER and qdisc.timer_key == key:
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
                self.number += 1
                key = ARRIVE_BASE + (self.number << NUMBER_SHIFT) + (source.index << KIND_BITS)
                source.due = key
                heapreplace(self.events, (at_ns, key))
            else:
                source.due = self.schedule(at_ns, EV_ARRIVE, source.index)

    def make(self, source: Source, len_bytes: int) -> Skb:
        """Return a new packet of a source."""
        self.fuel_max += PACKET_FUEL
        skb = self.pool.take()
        source.fill(skb, len_bytes, self.now_ns)
        return skb

    def send(self, source: Source, skb: Skb) -> None:
        """Pass a packet through egress and queue choice to its root qdisc."""
        stats = source.stats
        stats.offered_packets += 1
        stats.offered_bytes += skb.len
        if stats.first_ns < 0:
            stats.first_ns = self.now_ns
        device = source.netdev
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
