"""What holds in every run, whatever the program: read off the rows alone, by docs/protocol.md.

    problems = violations(rows, started)

`rows` are the bytes of a whole trace and `started` the message that names its places. Checked are:
conservation (a packet arrives once and ends at most once, and nothing happens to it afterwards),
Little's law (the integral of the number waiting is the sum of the waits, to the nanosecond), lengths of
maps, one packet at a time on a wire and for as long as stated, no idle link with a packet waiting
unless the qdisc said THROTTLE, and order inside a flow among packets of one priority and mark.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ARRIVE, EGRESS, PUSH, VERDICT, POP, DEQUEUE, DROP = 1, 2, 4, 5, 6, 7, 8
TX_START, TX_END, RECEIVE, THROTTLE, WATCHDOG = 10, 11, 12, 13, 14
LINK, PURGE, STOLEN, RING = 17, 18, 21, 23
ENDS = (DROP, RECEIVE, PURGE, STOLEN)
ROW = struct.Struct("<QIBBHqHHI")
PROBLEMS_MAX = 20


class Row(NamedTuple):
    """One row of a trace."""

    time_ns: int
    skb: int
    kind: int
    code: int
    place: int
    value: int
    line: int
    slot: int
    aux: int


@dataclass(slots=True)
class Life:
    """What is known of one packet."""

    flow: int
    device: int
    len_bytes: int
    arrived_ns: int
    labels: int  # priority and mark, by which a program may tell packets of one flow apart
    waiting: bool = True  # not yet given to a ring or the wire
    shared: bool = False  # last pushed into a map that belongs to no single qdisc
    ended_ns: int = -1


@dataclass(slots=True)
class Totals:
    """Packets and bytes of one flow by what became of them."""

    offered_packets: int = 0
    offered_bytes: int = 0
    received_packets: int = 0
    received_bytes: int = 0
    drops: int = 0
    purged: int = 0
    stolen: int = 0
    inside: int = 0


@dataclass(slots=True)
class Wire:
    """One device: what it sends, and who waits for it."""

    up: bool = True
    sending: int = 0
    until_ns: int = 0
    waiting: int = 0
    waiting_shared: int = 0
    throttled_until: dict[int, int] = field(default_factory=dict)
    last_of_flow: dict[tuple[int, int], int] = field(default_factory=dict)

    def throttled(self, now_ns: int) -> bool:
        """Tell whether a qdisc of the device asked to be left alone until later."""
        return any(until > now_ns for until in self.throttled_until.values())


class Checker:
    """Reads a trace from its first row and collects what is wrong with it."""

    def __init__(self, started: dict[str, Any], *, idle: bool, order: bool) -> None:
        self.places = {place["index"]: place for place in started["places"]}
        self.idle = idle
        self.order = order
        self.problems: list[str] = []
        self.lives: dict[int, Life] = {}
        self.flows: defaultdict[int, Totals] = defaultdict(Totals)
        self.wires: defaultdict[int, Wire] = defaultdict(Wire)
        self.map_lengths: defaultdict[tuple[int, int], int] = defaultdict(int)
        self.now_ns = 0
        self.waiting = 0
        self.area_ns = 0
        self.waits_ns = 0

    def wrong(self, number: int, row: Row, what: str) -> None:
        """Note a problem with its row."""
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(f"row {number} at {row.time_ns} ns, skb {row.skb}: {what}")

    def device_of(self, place: int) -> int:
        """Return the device a place belongs to, −1 for none."""
        at = self.places.get(place)
        for _ in range(8):
            if at is None or at["kind"] == "device":
                break
            above = at["qdisc"] if at["kind"] == "map" and at["qdisc"] >= 0 else at["parent"]
            at = self.places.get(above)
        return at["index"] if at is not None and at["kind"] == "device" else -1

    def read(self, data: bytes) -> None:
        """Read all rows."""
        number = -1
        for number, fields in enumerate(ROW.iter_unpack(data)):
            row = Row._make(fields)
            if row.time_ns != self.now_ns:
                self.clock(number, row)
            if row.kind == ARRIVE:
                self.arrive(number, row)
            elif row.skb:
                self.packet(number, row)
            elif row.kind == THROTTLE:
                wire = self.wires[self.device_of(row.place)]
                wire.throttled_until[row.place] = row.value
            elif row.kind == WATCHDOG:
                self.wires[self.device_of(row.place)].throttled_until.pop(row.place, None)
            elif row.kind == LINK:
                self.wires[row.place].up = row.code == 1
        self.finish(number)

    def clock(self, number: int, row: Row) -> None:
        """Move to the time of a row; whatever should have happened at the old instant has."""
        if row.time_ns < self.now_ns:
            self.wrong(number, row, f"time falls from {self.now_ns} ns")
        self.area_ns += self.waiting * (row.time_ns - self.now_ns)
        if self.idle:
            for place, wire in self.wires.items():
                eager = wire.waiting - wire.waiting_shared
                if wire.up and not wire.sending and eager and not wire.throttled(self.now_ns):
                    name = self.places[place]["name"] if place in self.places else place
                    self.wrong(number, row, f"{name} idles from {self.now_ns} ns, {eager} waiting")
        self.now_ns = row.time_ns

    def arrive(self, number: int, row: Row) -> None:
        """A new packet."""
        if row.skb in self.lives:
            self.wrong(number, row, "arrives twice")
        self.lives[row.skb] = Life(row.slot, row.place, row.aux, row.time_ns, row.value)
        totals = self.flows[row.slot]
        totals.offered_packets += 1
        totals.offered_bytes += row.aux
        self.wires[row.place].waiting += 1
        self.waiting += 1

    def packet(self, number: int, row: Row) -> None:
        """Something happens to a packet."""
        life = self.lives.get(row.skb)
        if life is None:
            self.wrong(number, row, f"kind {row.kind} before it arrived")
            return
        if life.ended_ns >= 0:
            # A qdisc says its verdict after its program, or its child, has dropped the packet.
            if row.kind not in (EGRESS, VERDICT) or row.time_ns != life.ended_ns:
                self.wrong(number, row, f"kind {row.kind} after its end")
            return
        if row.kind in (PUSH, POP):
            self.map_row(number, row, life)
        elif row.kind == DEQUEUE:
            self.dequeued(number, row, life)
        elif row.kind in (RING, TX_START):
            self.leaves_queue(row, life)
            if row.kind == TX_START:
                self.tx_start(number, row, life)
        elif row.kind == TX_END:
            self.tx_end(number, row)
        if row.kind in ENDS:
            self.end(number, row, life)

    def map_row(self, number: int, row: Row, life: Life) -> None:
        """A push or a pop; the length after it is stated."""
        key = (row.place, row.slot)
        self.map_lengths[key] += 1 if row.kind == PUSH else -1
        if self.map_lengths[key] != row.aux:
            self.wrong(number, row, f"map length {row.aux}, counted {self.map_lengths[key]}")
        if row.kind == PUSH:
            owner = self.places.get(row.place, {})
            shared = owner.get("qdisc", -1) < 0
            if life.waiting and shared != life.shared:
                self.wires[life.device].waiting_shared += 1 if shared else -1
                life.shared = shared

    def dequeued(self, number: int, row: Row, life: Life) -> None:
        """The wait a qdisc states is at most the packet's age, and all of it at a root."""
        age_ns = row.time_ns - life.arrived_ns
        parent = self.places.get(row.place, {}).get("parent", -1)
        at_root = self.places.get(parent, {}).get("kind") in ("device", "txq")
        if row.value > age_ns or row.value < 0 or (at_root and row.value != age_ns):
            self.wrong(number, row, f"sojourn {row.value} ns, its age is {age_ns} ns")

    def leaves_queue(self, row: Row, life: Life) -> None:
        """The packet waits for its qdisc no longer."""
        if not life.waiting:
            return
        life.waiting = False
        wire = self.wires[life.device]
        wire.waiting -= 1
        wire.waiting_shared -= life.shared
        self.waiting -= 1
        self.waits_ns += row.time_ns - life.arrived_ns

    def tx_start(self, number: int, row: Row, life: Life) -> None:
        """A wire carries one packet at a time, and packets of a flow in order."""
        wire = self.wires[self.device_of(row.place)]
        if wire.sending:
            self.wrong(number, row, f"starts while skb {wire.sending} is on the wire")
        if not wire.up:
            self.wrong(number, row, "starts on a link that is down")
        if row.aux != life.len_bytes:
            self.wrong(number, row, f"{row.aux} bytes sent of {life.len_bytes}")
        wire.sending = row.skb
        wire.until_ns = row.time_ns + row.value
        alike = (life.flow, life.labels)
        if self.order and row.skb < wire.last_of_flow.get(alike, 0):
            self.wrong(number, row, f"overtakes skb {wire.last_of_flow[alike]} of its flow")
        wire.last_of_flow[alike] = row.skb

    def tx_end(self, number: int, row: Row) -> None:
        """A transmission takes exactly as long as it said."""
        wire = self.wires[self.device_of(row.place)]
        if wire.sending != row.skb or wire.until_ns != row.time_ns:
            self.wrong(number, row, f"ends, expected skb {wire.sending} at {wire.until_ns} ns")
        wire.sending = 0

    def end(self, number: int, row: Row, life: Life) -> None:
        """The packet's last row."""
        self.leaves_queue(row, life)
        life.ended_ns = row.time_ns
        totals = self.flows[life.flow]
        if row.kind == RECEIVE:
            totals.received_packets += 1
            totals.received_bytes += row.aux
            if row.value != row.time_ns - life.arrived_ns:
                self.wrong(number, row, f"delay {row.value} ns is not its age")
        elif row.kind == DROP:
            totals.drops += 1
        elif row.kind == STOLEN:
            totals.stolen += 1
        else:
            self.purge(row)
            totals.purged += 1

    def purge(self, row: Row) -> None:
        """A purge takes the packet out of wherever it was."""
        if self.places.get(row.place, {}).get("kind") == "map":
            self.map_lengths[(row.place, row.slot)] -= 1
            return
        wire = self.wires[self.device_of(row.place)]
        if wire.sending == row.skb:
            wire.sending = 0

    def finish(self, number: int) -> None:
        """Close the books: Little's law, and no count below zero."""
        for life in self.lives.values():
            if life.ended_ns < 0:
                self.flows[life.flow].inside += 1
            if life.waiting:
                self.waits_ns += self.now_ns - life.arrived_ns
        last = Row(self.now_ns, 0, 0, 0, 0, 0, 0, 0, 0)
        if self.area_ns != self.waits_ns:
            self.wrong(
                number, last, f"Little: ∫N dt = {self.area_ns}, waits sum to {self.waits_ns}"
            )
        for key, length in self.map_lengths.items():
            if length < 0:
                self.wrong(number, last, f"map {key} has length {length}")


def check(
    rows: bytes, started: dict[str, Any], *, idle: bool = True, order: bool = True
) -> Checker:
    """Return the checker after it read a whole trace; see `violations`."""
    checker = Checker(started, idle=idle, order=order)
    checker.read(rows)
    return checker


def violations(
    rows: bytes, started: dict[str, Any], *, idle: bool = True, order: bool = True
) -> list[str]:
    """Return what is wrong with a trace, at most 20 sentences.

    `idle=False` for a program that holds packets back without saying THROTTLE, `order=False` for one
    that reorders inside a flow.
    """
    return check(rows, started, idle=idle, order=order).problems
