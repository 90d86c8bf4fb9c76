"""Netdev: transmit queues, their rings, the wire, and what happens when the link goes down.

The device pulls: a root qdisc is asked only while a ring has room, as a driver with byte queue limits does, so with
`ring_packets` 1 the qdisc decides at the moment the wire falls idle. The wire serves the rings in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.core.dialect import Array, List, late, record
from sandbox.core.events import EV_TX_END, NUMBER_SHIFT, TX_END_BASE
from sandbox.core.instance import Instance
from sandbox.core.kinds import (
    D_WIRE,
    IN_RING,
    ON_WIRE,
    PURGE,
    RECEIVE,
    RING,
    TX_END,
    TX_START,
)
from sandbox.core.qdisc import Qdisc
from sandbox.core.rng import Rng
from sandbox.core.skb import Skb

if TYPE_CHECKING:
    from sandbox.core.sim import Sim

NS_PER_S = 1_000_000_000
NEVER = 1 << 62


@record
class TxQueue:
    """One transmit queue; `count` and `bytes` include the packet on the wire."""

    place: int
    root: Qdisc | None = None
    head: Skb | None = None
    tail: Skb | None = None
    waiting: int = 0
    count: int = 0
    bytes: int = 0
    sent_packets: int = 0
    sent_bytes: int = 0


@record
class Netdev:
    """A device with one wire and one or more transmit queues; `shared_root` serves all queues when set."""

    sim: Sim
    ifindex: int
    place: int
    rate_bps: int
    mtu: int
    txqueuelen: int
    ring_packets: int
    limit_bytes: int
    delay_ns: int
    jitter_ns: int
    loss_ppm: int
    rng: Rng
    queues: Array[TxQueue]
    up: bool = True
    shared_root: Qdisc | None = None
    egress: Instance | None = None
    instances: List[Instance] = late()
    asked: bool = False
    waiting: int = 0  # packets on rings behind the one on the wire
    turn: int = 0
    sending: Skb | None = None
    sending_queue: TxQueue | None = None
    tx_key: int = 0
    tx_end_ns: int = NEVER  # of the only device; among several the end is an event on the heap
    timed_len: int = -1  # the length whose transmission time is known, since most are alike
    timed_ns: int = 0
    rx_packets: int = 0
    drops: int = 0
    purged: int = 0
    started_ns: int = 0  # when the packet on the wire began
    busy_ns: int = 0  # of all that have left the wire

    def set_rate(self, rate_bps: int) -> None:
        """Set the rate; the packet on the wire keeps its time."""
        self.rate_bps = rate_bps
        self.timed_len = -1

    def room(self, queue: TxQueue) -> bool:
        """Return whether a ring takes another packet."""
        if queue.count >= self.ring_packets:
            return False
        return self.limit_bytes == 0 or queue.bytes < self.limit_bytes

    def full(self) -> bool:
        """Return whether there is no reason to ask anybody: the link is down or the only ring is full."""
        if not self.up:
            return True
        return len(self.queues) == 1 and self.queues[0].count >= self.ring_packets

    def clear_pushed(self) -> None:
        """Forget which programs have pushed packets: from here on a push is a reason to ask again."""
        for i in range(len(self.instances)):
            self.instances[i].pushed = False

    def pull(self) -> None:
        """Ask the root qdiscs for packets while the link is up and the rings have room."""
        if not self.up:
            return
        root = self.shared_root
        if root is not None and len(self.queues) == 1:
            self.pull_only(root, self.queues[0])
        elif root is not None:
            self._pull_shared(root)
        else:
            self._pull_each()

    def pull_only(self, root: Qdisc, queue: TxQueue) -> None:
        """Ask the root of a device with one transmit queue until its ring is full or nothing comes."""
        if len(self.instances) == 1:
            self.instances[0].pushed = False
        else:
            self.clear_pushed()
        sim = self.sim
        ring = self.ring_packets
        while queue.count < ring and (self.limit_bytes == 0 or queue.bytes < self.limit_bytes):
            skb = root.dequeue()
            if skb is None:
                if not sim.pushed_while_asked(self):
                    return
            elif self.sending is None:
                queue.count += 1
                queue.bytes += skb.len
                skb.stats.sojourn.add(sim.now_ns - skb.born_ns)
                self._start(skb, queue)
            else:
                self._put(skb, queue)

    def _pull_each(self) -> None:
        self.clear_pushed()
        again = True
        while again:
            for i in range(len(self.queues)):
                queue = self.queues[i]
                while queue.root is not None and self.room(queue):
                    queue.root.ctx.queue = i
                    skb = queue.root.dequeue()
                    if skb is None:
                        break
                    self._put(skb, queue)
            again = self.sim.pushed_while_asked(self)

    def _pull_shared(self, root: Qdisc) -> None:
        self.clear_pushed()
        while True:
            held = root.requeued
            if held is not None:
                if not self.room(self.queues[held.queue_mapping]):
                    return
                root.requeued = None
                root.instance.gauge.sub(held.len)
                self._put(held, self.queues[held.queue_mapping])
                continue
            room = self._first_with_room()
            if room < 0:
                return
            root.ctx.queue = room
            skb = root.dequeue()
            if skb is None:
                if not self.sim.pushed_while_asked(self):
                    return
                continue
            chosen = skb.queue_mapping % len(self.queues)
            if self.room(self.queues[chosen]):
                self._put(skb, self.queues[chosen])
            else:
                skb.queue_mapping = chosen
                root.requeued = skb
                root.requeues += 1
                root.instance.gauge.add(skb.len)

    def _first_with_room(self) -> int:
        for i in range(len(self.queues)):
            if self.room(self.queues[i]):
                return i
        return -1

    def _put(self, skb: Skb, queue: TxQueue) -> None:
        """Put a packet on a ring; it starts at once when the wire is idle."""
        queue.count += 1
        queue.bytes += skb.len
        sim = self.sim
        skb.stats.sojourn.add(sim.now_ns - skb.born_ns)
        if self.sending is None:
            self._start(skb, queue)
            return
        skb.state = IN_RING
        skb.next = None
        if queue.tail is None:
            queue.head = skb
        else:
            queue.tail.next = skb
        queue.tail = skb
        queue.waiting += 1
        self.waiting += 1
        sim.trace.note(skb.id, RING, 0, queue.place, 0, 0, 0, queue.count)

    def _start(self, skb: Skb, queue: TxQueue) -> None:
        """Begin to send; the transmission time rounds up."""
        if skb.len != self.timed_len:
            self.timed_len = skb.len
            self.timed_ns = (skb.len * 8 * NS_PER_S + self.rate_bps - 1) // self.rate_bps
        duration = self.timed_ns
        self.sending = skb
        self.sending_queue = queue
        skb.state = ON_WIRE
        sim = self.sim
        self.started_ns = sim.now_ns
        sim.trace.row(skb.id, TX_START, 0, queue.place, duration, 0, 0, skb.len)
        if sim.alone:
            sim.number += 1
            self.tx_key = TX_END_BASE + (sim.number << NUMBER_SHIFT)
            self.tx_end_ns = sim.now_ns + duration
        else:
            self.tx_key = sim.schedule(sim.now_ns + duration, EV_TX_END, self.ifindex)

    def _start_next(self) -> None:
        """Send from the rings in turn."""
        count = len(self.queues)
        for step in range(count):
            index = (self.turn + step) % count
            queue = self.queues[index]
            skb = queue.head
            if skb is not None:
                queue.head = skb.next
                if queue.head is None:
                    queue.tail = None
                skb.next = None
                queue.waiting -= 1
                self.waiting -= 1
                self.turn = (index + 1) % count
                self._start(skb, queue)
                return

    def tx_end(self) -> None:
        """Take the packet off the wire: its last bit has left."""
        skb = self.sending
        queue = self.sending_queue
        assert skb is not None and queue is not None
        self.sending = None
        queue.count -= 1
        queue.bytes -= skb.len
        queue.sent_packets += 1
        queue.sent_bytes += skb.len
        sim = self.sim
        self.busy_ns += sim.now_ns - self.started_ns
        if sim.trace.kept:
            sim.trace.note(skb.id, TX_END, 0, queue.place, 0, 0, 0, 0)
        if self.loss_ppm > 0 and self.rng.below(1_000_000) < self.loss_ppm:
            self.drops += 1
            sim.drop(skb, D_WIRE, self.place, 0, 0)
        elif self.delay_ns == 0 and self.jitter_ns == 0:
            self.receive(skb)
        else:
            delay = self.delay_ns
            if self.jitter_ns > 0:
                delay += self.rng.below(self.jitter_ns + 1)
            sim.fly(skb, self.ifindex, sim.now_ns + delay)
        if self.waiting > 0:
            self._start_next()

    def receive(self, skb: Skb) -> None:
        """Hand a packet to the sink behind the wire."""
        sim = self.sim
        now = sim.now_ns
        delay = now - skb.born_ns
        self.rx_packets += 1
        stats = skb.stats
        stats.received_packets += 1
        stats.received_bytes += skb.len
        stats.delay.add(delay)
        if skb.deadline_ns > 0 and now > skb.deadline_ns:
            stats.deadline_misses += 1
        if sim.trace.kept:
            sim.trace.note(skb.id, RECEIVE, 0, self.place, delay, 0, 0, skb.len)
        sim.pool.give(skb)

    def flush(self, gone: List[Skb]) -> None:
        """Take every packet off the rings and the wire, as when the link goes down."""
        for i in range(len(self.queues)):
            queue = self.queues[i]
            skb = queue.head
            while skb is not None:
                after = skb.next
                self._purged(skb, queue, gone)
                skb = after
            queue.head = None
            queue.tail = None
            queue.waiting = 0
        self.waiting = 0
        if self.sending is not None and self.sending_queue is not None:
            self._purged(self.sending, self.sending_queue, gone)
            self.sending = None
            self.busy_ns += self.sim.now_ns - self.started_ns
        self.tx_key = 0
        self.tx_end_ns = NEVER

    def _purged(self, skb: Skb, queue: TxQueue, gone: List[Skb]) -> None:
        queue.count -= 1
        queue.bytes -= skb.len
        skb.next = None
        self.sim.trace.row(skb.id, PURGE, 0, queue.place, 0, 0, 0, queue.count)
        gone.append(skb)
