"""What each construct of the language does when compiled: values, effects, faults with their lines."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.core import trap
from tests.compiler.lab import Lab
from tests.compiler.samples import checked

DEQUEUE = "\n\ndef dequeue(ctx):\n    return queue.pop()\n"
TAIL = "    if not queue.push(skb, 0):\n        return DROP\n    return QUEUED\n" + DEQUEUE


def enqueuing(body: str, head: str = "", **how: Any) -> Lab:
    """Return a lab whose enqueue runs `body` first; `out` is a global to look at; line 6 is body's first."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    text = (
        f"queue = SkbMap(max_entries=9)\nout = 0\n{head}\ndef enqueue(skb, ctx):\n    global out\n"
    )
    return Lab(checked(text + lines + TAIL), **how)


def out_of(body: str, head: str = "", **how: Any) -> int:
    """Return `out` after one packet, the same traced or not."""
    values = []
    for traced in (False, True):
        lab = enqueuing(body, head, traced=traced, **how)
        result = lab.call("enqueue", lab.packet(mark=5, priority=2, hash=77))
        assert isinstance(result, int), result
        values.append(lab.globals()["out"])
    assert values[0] == values[1]
    return values[0]


def fault_of(body: str, head: str = "", **how: Any) -> tuple[Any, ...]:
    lab = enqueuing(body, head, **how)
    result = lab.call("enqueue", lab.packet(mark=5, priority=2))
    assert isinstance(result, tuple), result
    return result[1:]


HELPERS = "def five():\n    return 5\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("out = 3", 3),
        ("if skb.mark > 4:\n    out = 1\nelif skb.mark > 3:\n    out = 2\nelse:\n    out = 3", 1),
        ("n = 0\nwhile True:\n    n += 1\n    if n > 6:\n        break\nout = n", 7),
        ("for i in range(10):\n    if i % 2 == 0:\n        continue\n    out += i", 25),
        ("for i in range(5, -5, -3):\n    out = out * 10 + i", 5186),
        (
            "for i in range(3):\n    for k in range(3):\n        if k == 2:\n            break\n        out += 1",
            6,
        ),
        ("n = 4\nfor i in range(n):\n    n = 100\n    i = 50\n    out += 1", 4),
        ("for i in range(0):\n    out = 9", 0),
        ("out = 7 if skb.mark == 5 else 8", 7),
        ("a = True\nout = a + a", 2),
        ("out = skb.len", 1000),
        ("out = 0 < skb.mark < 6 < skb.len", 1),
        ("skb.mark = -1\nout = skb.mark", 2**32 - 1),
        ("skb.priority = 1 << 40\nout = skb.priority", 0),
        ("skb.tc_index = 0x12345\nout = skb.tc_index", 0x2345),
        ("skb.tstamp = -4\nout = skb.tstamp", -4),
        ("skb.queue_mapping = 7\nskb.queue_mapping = 0xffff\nout = skb.queue_mapping", 7),
        ("skb.cb[2] = -1\nout = skb.cb[2] + skb.cb[1]", 2**32 - 1),
        ("out = ctx.now + ctx.dev.mtu + ctx.queue", 2500),
        ("ctx.classid = 1 << 33 | 5\nout = ctx.classid", 5),
        ("out = ctx.qlen + ctx.backlog", 0),
        ("out = len(queue) + queue.bytes", 0),
        ("out = RANK_MAX + skb.mark", -(2**63) + 4),
    ],
)
def test_statements_and_fields(body: str, expected: int) -> None:
    assert out_of(body) == expected


FLOWS = """class Flow(Record):
    finish: int = 3
    active: bool = False
    slots: Array(int, 4)

flows = HashMap(max_entries=2, value=Flow)
others = LruHashMap(max_entries=2, value=Flow)
counts = HashMap(max_entries=2, value=int)
table = ArrayMap(max_entries=3, value=int)
ints = Queue(max_entries=2)
undo = Stack(max_entries=2)

def charge(flow: Flow, cost):
    flow.finish += cost
    flow.slots[1] = flow.finish
    return flow.finish

def either(a: Flow, b: Flow, first):
    return a if first else b
"""
FLOW = "flow = flows.lookup_or_init(1)\nif flow is None:\n    return DROP\n"
OTHER = FLOW + "other = others.lookup_or_init(1)\nif other is None:\n    return DROP\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (FLOW + "out = flow.finish", 3),
        (
            FLOW
            + "flow.finish -= 5\nflow.active = flow.finish < 0\nout = flow.active + flow.finish",
            -1,
        ),
        (
            FLOW
            + "flow.slots[3] = 8\nflow.slots[skb.mark & 3] += 2\nout = flow.slots[3] + flow.slots[1]",
            10,
        ),
        (FLOW + "out = charge(flow, 4) + flow.slots[1]", 14),
        (OTHER + "charge(flow, 1)\ncharge(other, 10)\nout = flow.finish * 100 + other.finish", 413),
        (
            OTHER
            + "r = flow\nif skb.mark > 1:\n    r = other\nr.finish = 50\nout = other.finish - flow.finish",
            47,
        ),
        (OTHER + "r = either(flow, other, skb.mark == 5)\nr.finish = 9\nout = flow.finish", 9),
        (OTHER + "r = either(flow, other, skb.mark == 0)\nr.slots[2] = 6\nout = other.slots[2]", 6),
        (
            OTHER + "flow.finish = 77\nothers.update(1, flow)\nflow.finish = 0\nout = other.finish",
            77,
        ),
        ("if flows.lookup(5) is None:\n    out = 1", 1),
        (FLOW + "flows.delete(1)\nflow.finish = 6\nout = flow.finish + len(flows)", 6),
        ("counts.update(4, 9)\nv = counts.lookup(4)\nif v is not None:\n    out = v", 9),
        ("v = counts.lookup(4)\nout = 1 if v is None else v", 1),
        ("counts[1] = 5\ncounts[1] += 2\nout = counts[1] + counts[9]", 7),
        ("counts[1] = 5\nout = (1 in counts) * 2 + (2 in counts)", 2),
        ("counts[8] = 1\ncounts[3] = 1\nfor k in counts:\n    out = out * 10 + k", 83),
        ("counts[8] = 1\ncounts[3] = 1\nif not counts.update(5, 1):\n    out = 4", 4),
        ("table[2] = 7\nout = table[2] + len(table) + (3 in table)", 10),
        ("for i in table:\n    out = out * 10 + i", 12),
        (
            "ints.push(4)\nints.push(5)\nif not ints.push(6):\n    out = 1\n"
            "v = ints.pop()\nif v is not None:\n    out += v",
            5,
        ),
        (
            "undo.push(4)\nundo.push(5)\nv = undo.peek()\nif v is not None:\n    out = v * 10 + len(undo)",
            52,
        ),
        ("v = ints.pop()\nif v is None:\n    out = 6", 6),
    ],
)
def test_maps_and_records(body: str, expected: int) -> None:
    assert out_of(body, FLOWS) == expected


CLASSES = """class Class(ClassRecord):
    share = Param(10, min=1, max=99)
    sent: int = 1

class Flow(Record):
    share: int = 4

def worth(cl: Class):
    return cl.share * cl.sent
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("for cl in classes():\n    out += worth(cl)", 20),
        ("for cl in classes():\n    cl.sent += 5\n    out = out * 10 + cl.sent", 66),
        ("cl = class_of(0x10002)\nif cl is not None:\n    out = cl.classid", 0x10002),
        ("cl = class_of(3)\nif cl is None:\n    out = 1", 1),
    ],
)
def test_class_records(body: str, expected: int) -> None:
    assert out_of(body, CLASSES, classes=(0x10001, 0x10002)) == expected


def test_a_shared_instance_without_classes_walks_none() -> None:
    assert (
        out_of("for cl in classes():\n    out = 1\nif class_of(1) is None:\n    out += 2", CLASSES)
        == 2
    )


@pytest.mark.parametrize(
    ("body", "code", "line", "value"),
    [
        ("out = 1\nout = 5 // (skb.mark - 5)", trap.DIV_ZERO, 7, 0),
        ("out = 5 % (skb.mark - 5)", trap.DIV_ZERO, 6, 0),
        ("skb.mark = 9\nskb.cb[skb.mark] = 1", trap.INDEX, 7, 9),
        ("out = skb.cb[skb.priority - 3]", trap.INDEX, 6, -1),
        ("out = skb.load_u8(skb.len)", trap.LOAD_RANGE, 6, 1000),
        ("ctx.classid = 1\nwhile skb.mark > 0:\n    out += 1", trap.FUEL_CALL, 7, 50_000),
        ("for i in range(60000):\n    out += 1", trap.FUEL_CALL, 6, 50_000),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_faults_name_code_line_and_value(
    body: str, code: int, line: int, value: int, traced: bool
) -> None:
    assert fault_of(body, traced=traced) == (code, line, value)


@pytest.mark.parametrize(
    ("body", "code", "value"),
    [
        (FLOW + "out = flow.slots[skb.mark]", trap.INDEX, 5),
        (FLOW + "flow.slots[skb.priority - 3] = 1", trap.INDEX, -1),
        ("counts[1] = 1\ncounts[2] = 1\ncounts[3] = 1", trap.MAP_FULL, 0),
        ("table[skb.mark] = 1", trap.MAP_FULL, 0),
    ],
)
def test_faults_of_records_and_maps(body: str, code: int, value: int) -> None:
    for traced in (False, True):
        found = fault_of(body, FLOWS, traced=traced)
        assert (found[0], found[2]) == (code, value)


def test_a_negative_rank_faults_in_its_line() -> None:
    text = "queue = SkbMap(max_entries=9)\n\ndef enqueue(skb, ctx):\n    if not queue.push(skb, -skb.mark):\n"
    lab = Lab(checked(text + "        return DROP\n    return QUEUED\n" + DEQUEUE))
    assert lab.call("enqueue", lab.packet(mark=2)) == ("trap", trap.NEGATIVE_RANK, 4, -2)


def test_a_list_parameter_is_checked_and_live() -> None:
    head = "weights = Param([1, 2, 3])\nscale = Param(1, min=1, max=9)\n"
    assert out_of("out = weights[skb.priority] * scale", head) == 3
    assert fault_of("out = weights[skb.mark]", head)[0] == trap.INDEX
    lab = enqueuing("out = weights[skb.priority] * scale", head)
    lab.params[1] = 7
    lab.params[0] = [1, 2, 30]
    lab.call("enqueue", lab.packet(priority=2))
    assert lab.globals()["out"] == 210


def test_verdicts_carry_their_line() -> None:
    lab = enqueuing("if skb.mark == 1:\n    return BYPASS\nif skb.mark == 2:\n    return PASS")
    assert lab.call("enqueue", lab.packet(mark=1)) == 4 | 7 << 8
    assert lab.call("enqueue", lab.packet(mark=2)) == 5 | 9 << 8
    assert lab.call("enqueue", lab.packet(mark=3)) == 0 | 12 << 8


def test_dequeue_gives_code_and_packet() -> None:
    text = (
        "queue = SkbMap(max_entries=9)\n\ndef enqueue(skb, ctx):\n    if not queue.push(skb, 1):\n"
        "        return DROP\n    return QUEUED\n\ndef dequeue(ctx):\n    if ctx.now > 5000:\n"
        "        ctx.delay = 3\n        return THROTTLE\n    if ctx.now > 4000:\n        return PASS\n"
        "    if ctx.now > 3000:\n        return None\n    return queue.pop()\n"
    )
    lab = Lab(checked(text))
    skb = lab.packet()
    assert lab.call("dequeue") == (16 << 8, None)
    lab.call("enqueue", skb)
    assert lab.call("dequeue") == (16 << 8, skb)
    lab.ctx.now = 3500
    assert lab.call("dequeue") == (15 << 8, None)
    lab.ctx.now = 4500
    assert lab.call("dequeue") == (5 | 13 << 8, None)
    lab.ctx.now = 5500
    assert lab.call("dequeue") == (3 | 11 << 8, None)
    assert lab.ctx.delay == 3


def test_each_level_of_the_tree_has_its_own_cb() -> None:
    lab = enqueuing("skb.cb[1] = 6\nout = skb.cb[1]", level=2)
    skb = lab.packet()
    lab.call("enqueue", skb)
    assert skb.cb[11] == 6 and lab.globals()["out"] == 6


def test_fuel_is_burned_by_turns_and_calls_and_nothing_else() -> None:
    head = "def two(x):\n    return x + 2\n"
    for body, burned in [
        ("out = 1", 0),
        ("out = two(1)", 1),
        ("for i in range(10):\n    out = two(i)", 20),
        ("while out < 5:\n    out += 1", 5),
    ]:
        lab = enqueuing(body, head)
        lab.call("enqueue", lab.packet())
        assert 50_000 - lab.instance.fuel[0] == burned


def test_a_comparator_orders_and_burns() -> None:
    text = (
        "def smaller(a, b):\n    return a.mark < b.mark\n\nqueue = SkbMap(max_entries=9, less=smaller)\n"
        "\ndef enqueue(skb, ctx):\n    if not queue.push(skb, 0):\n        return DROP\n    return QUEUED\n"
    )
    lab = Lab(checked(text + DEQUEUE))
    for mark in (5, 1, 3):
        lab.call("enqueue", lab.packet(mark=mark))
    assert lab.instance.fuel[0] < 50_000
    assert [lab.call("dequeue")[1].mark for _ in range(3)] == [1, 3, 5]


def test_lines_are_counted_when_asked_for() -> None:
    body = "for i in range(4):\n    if i > 1:\n        out += i"
    lab = enqueuing(body, counts=True)
    lab.call("enqueue", lab.packet())
    counts = lab.entries.counts
    assert [counts[line] for line in (6, 7, 8, 9)] == [1, 4, 2, 1]
    assert enqueuing(body).entries.counts == []


def test_instances_share_nothing() -> None:
    first, second = enqueuing("out += 1"), enqueuing("out += 1")
    first.call("enqueue", first.packet())
    assert (first.globals()["out"], second.globals()["out"]) == (1, 0)
    second.entries.set_global("out", 41)
    second.call("enqueue", second.packet())
    assert second.entries.get_global("out") == 42


NESTED = """queue = SkbMap(max_entries=9)
out = 0

def enqueue(skb, ctx):
    global out
    for i in range(10):
        out += 1
    if skb.mark > 0:
        skb.mark = 0
        if not child_enqueue(skb, 0x10001):
            out = -1000
        for i in range(5):
            out += ctx.classid >> 16
        return QUEUED
    for i in range(49989):
        out += 1
    if not queue.push(skb, 0):
        return DROP
    return QUEUED
"""


@pytest.mark.parametrize("direct", [False, True])
def test_an_instance_that_is_its_own_child_has_fuel_and_place_of_its_own(direct: bool) -> None:
    lab = Lab(checked(NESTED + DEQUEUE), direct=direct, classes=(0x10001,))
    lab.graft(0x10001, handle=0x20000)
    assert lab.call("enqueue", lab.packet(mark=1)) == 14 << 8
    assert lab.globals()["out"] == 10 + 10 + 49989 + 5
    assert lab.instance.running is lab.qdisc
    assert 50_000 - lab.instance.fuel[0] == 15
