"""The wire: how long it was busy, and which tx queue it takes from."""

from __future__ import annotations

import pytest

from tests.core.both import played

FIFO = '''"""x"""
queue = SkbMap(max_entries=100)

def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    return QUEUED

def dequeue(ctx):
    return queue.pop()
'''
# A packet of 1000 bytes takes 8 ms at 1 Mbit/s.
SCENARIO = """title = "t"
device = {{ rate = "1mbit" }}
run = {{ duration = "{duration}" }}
[qdisc]
"1:" = {{ program = "p.qdisc.py" }}
[flow]
f = {{ model = "cbr", interval = "1s", size = "1000b", count = 1 }}
{events}
"""


def utilisation(duration: str, events: str = "") -> float:
    run = played(SCENARIO.format(duration=duration, events=events), {"p.qdisc.py": FIFO})
    assert run.finished is not None
    found: float = run.finished["statistics"]["devices"]["eth0"]["utilisation"]
    return found


@pytest.mark.parametrize(
    ("duration", "events", "share"),
    [
        ("20ms", "", 0.4),
        ("4ms", "", 1.0),
        ("16ms", '[[event]]\nat = "4ms"\ndo = "rate"\nrate = "100mbit"\n', 0.5),
    ],
    ids=["sent", "still on the wire", "the packet on the wire keeps its time"],
)
def test_the_wire_is_busy_while_a_packet_is_on_it(duration: str, events: str, share: float) -> None:
    assert utilisation(duration, events) == pytest.approx(share)


def test_a_packet_that_a_link_cuts_off_was_on_the_wire_until_then() -> None:
    event = '[[event]]\nat = "1ms"\ndo = "link-down"\n'
    assert utilisation("20ms", event) == pytest.approx(0.05)


QUEUES = '''"""Log which queue is filled and asked."""
children = Children(1)

def enqueue(skb, ctx):
    trace("in %d", ctx.queue)
    ctx.classid = ctx.classid + 1
    return PASS

def dequeue(ctx):
    skb = child_dequeue(ctx.classid + 1)
    if skb is not None:
        trace("out %d", ctx.queue)
    return skb
'''
CHILD = '''"""As the parent."""
queue = SkbMap(max_entries=100)

def enqueue(skb, ctx):
    trace("child in %d", ctx.queue)
    if not queue.push(skb, 0):
        return DROP
    return QUEUED

def dequeue(ctx):
    skb = queue.pop()
    if skb is not None:
        trace("child out %d", ctx.queue)
    return skb
'''


def log_of(tables: str, queue: int) -> list[str]:
    scenario = f"""title = "t"
device = {{ rate = "1mbit", tx_queues = 3 }}
run = {{ duration = "100ms" }}
[qdisc]
{tables}
[flow]
f = {{ model = "cbr", interval = "20ms", size = "1000b", count = 1, queue = {queue} }}
"""
    run = played(scenario, {"p.qdisc.py": QUEUES, "c.qdisc.py": CHILD})
    return [entry["text"] for entry in run.log]


def test_every_qdisc_of_a_tree_knows_the_queue_that_is_filled_and_asked() -> None:
    roots = [f'"{i + 1}:" = {{ program = "p.qdisc.py", queue = {i} }}' for i in range(3)]
    children = [
        f'"{i + 5}:" = {{ parent = "{i + 1}:1", program = "c.qdisc.py" }}' for i in range(3)
    ]
    lines = log_of("\n".join(roots + children), 2)
    assert lines == ["in 2", "child in 2", "child out 2", "out 2"]


def test_the_one_root_of_several_queues_is_asked_for_the_first_with_room() -> None:
    tables = '"1:" = { program = "p.qdisc.py" }\n"2:" = { parent = "1:1", program = "c.qdisc.py" }'
    assert log_of(tables, 2) == ["in 2", "child in 2", "child out 0", "out 0"]
