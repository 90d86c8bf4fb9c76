"""The invariants catch what they promise to catch: each rule has a trace that breaks it."""

from __future__ import annotations

import pytest

from tests import invariants as inv

STARTED = {
    "places": [
        {"index": 0, "kind": "device", "name": "eth0", "parent": -1, "qdisc": -1},
        {"index": 1, "kind": "txq", "name": "eth0 tx-0", "parent": 0, "qdisc": -1},
        {"index": 2, "kind": "qdisc", "name": "1:", "parent": 0, "qdisc": 2},
        {"index": 3, "kind": "map", "name": "queue", "parent": 4, "qdisc": 2},
    ]
}
Fields = dict[str, int]


def row(time_ns: int, kind: int, skb: int, **fields: int) -> Fields:
    return {"time_ns": time_ns, "kind": kind, "skb": skb, **fields}


def pack(rows: list[Fields]) -> bytes:
    names = inv.Row._fields
    return b"".join(inv.ROW.pack(*(fields.get(name, 0) for name in names)) for fields in rows)


def good() -> list[Fields]:
    """Two packets of 100 bytes, 80 ns each on the wire; the second waits 70 ns."""
    return [
        row(0, inv.ARRIVE, 1, aux=100),
        row(0, inv.PUSH, 1, place=3, aux=1),
        row(0, inv.POP, 1, place=3, aux=0),
        row(0, inv.DEQUEUE, 1, place=2),
        row(0, inv.TX_START, 1, place=1, value=80, aux=100),
        row(10, inv.ARRIVE, 2, aux=100),
        row(10, inv.PUSH, 2, place=3, aux=1),
        row(80, inv.TX_END, 1, place=1),
        row(80, inv.RECEIVE, 1, value=80, aux=100),
        row(80, inv.POP, 2, place=3, aux=0),
        row(80, inv.DEQUEUE, 2, place=2, value=70),
        row(80, inv.TX_START, 2, place=1, value=80, aux=100),
        row(160, inv.TX_END, 2, place=1),
        row(160, inv.RECEIVE, 2, value=150, aux=100),
    ]


def test_a_correct_trace_has_no_violations() -> None:
    assert inv.violations(pack(good()), STARTED) == []


BROKEN: list[tuple[str, int, Fields, str]] = [
    ("a time that falls", 7, {"time_ns": 5}, "time falls"),
    ("a wrong map length", 6, {"aux": 2}, "map length 2, counted 1"),
    ("a wrong wait", 10, {"value": 69}, "sojourn 69 ns, its age is 70 ns"),
    ("a transmission of another length", 12, {"time_ns": 159}, "ends, expected skb 2 at 160 ns"),
    ("bytes that change", 11, {"aux": 99}, "99 bytes sent of 100"),
    ("a wrong delay", 13, {"value": 1}, "delay 1 ns is not its age"),
    ("a packet from nowhere", 12, {"skb": 9}, "before it arrived"),
    ("a second arrival", 5, {"skb": 1}, "arrives twice"),
]


@pytest.mark.parametrize(("what", "index", "change", "message"), BROKEN, ids=[b[0] for b in BROKEN])
def test_a_broken_row_is_named(what: str, index: int, change: Fields, message: str) -> None:
    rows = good()
    rows[index].update(change)
    assert any(message in problem for problem in inv.violations(pack(rows), STARTED)), what


def test_a_packet_that_ends_twice_is_named() -> None:
    rows = [*good(), row(170, inv.DROP, 1)]
    assert any("after its end" in problem for problem in inv.violations(pack(rows), STARTED))


def test_two_packets_on_one_wire_are_named() -> None:
    rows = good()
    rows[11], rows[9] = dict(rows[11]), dict(rows[9])
    early = row(20, inv.TX_START, 2, place=1, value=80, aux=100)
    rows.insert(7, early)
    assert any("is on the wire" in problem for problem in inv.violations(pack(rows), STARTED))


def late_start() -> list[Fields]:
    rows = good()
    for fields in rows[9:12]:
        fields["time_ns"] = 90
    rows[10]["value"] = 80
    rows[12]["time_ns"] = rows[13]["time_ns"] = 170
    rows[13]["value"] = 160
    return rows


def test_a_link_that_idles_with_a_packet_waiting_is_named() -> None:
    problems = inv.violations(pack(late_start()), STARTED)
    assert problems == ["row 9 at 90 ns, skb 2: eth0 idles from 80 ns, 1 waiting"]
    assert inv.violations(pack(late_start()), STARTED, idle=False) == []


def test_a_throttled_qdisc_may_idle() -> None:
    rows = late_start()
    rows.insert(9, row(80, inv.THROTTLE, 0, place=2, value=90))
    assert inv.violations(pack(rows), STARTED) == []


def test_overtaking_inside_a_flow_is_named() -> None:
    first = row(0, inv.ARRIVE, 1, aux=100)
    second = row(0, inv.ARRIVE, 2, aux=100)
    rows = [first, second]
    for start, skb in ((0, 2), (80, 1)):
        rows.append(row(start, inv.DEQUEUE, skb, place=2, value=start))
        rows.append(row(start, inv.TX_START, skb, place=1, value=80, aux=100))
        rows.append(row(start + 80, inv.TX_END, skb, place=1))
        rows.append(row(start + 80, inv.RECEIVE, skb, value=start + 80, aux=100))
    assert any("overtakes skb 2" in problem for problem in inv.violations(pack(rows), STARTED))
    assert inv.violations(pack(rows), STARTED, order=False) == []


def test_the_books_count_packets_and_bytes_by_flow() -> None:
    checker = inv.check(pack(good()[:-2]), STARTED)
    totals = checker.flows[0]
    assert (totals.offered_packets, totals.received_packets, totals.inside) == (2, 1, 1)
    assert (totals.offered_bytes, totals.received_bytes) == (200, 100)
