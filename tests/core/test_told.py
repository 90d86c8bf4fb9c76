"""A fault is told in words, with what there is of line and packet."""

from __future__ import annotations

from typing import Any

from tests.core.both import played

SCENARIO = """title = "t"
device = { rate = "1mbit" }
run = { duration = "50ms" }
[qdisc]
ROOT
[flow]
a = { model = "cbr", pps = 500, size = "100b" }
"""
QUEUE = '''"""x"""
q = SkbMap(max_entries=100)
BEFORE

def enqueue(skb, ctx):
    BODY
    if not q.push(skb, 0):
        return DROP
    return QUEUED

def dequeue(ctx):
    return q.pop()
'''


def fault_of(program: str, root: str = '"1:" = { program = "m.qdisc.py" }') -> dict[str, Any]:
    ended = played(SCENARIO.replace("ROOT", root), {"m.qdisc.py": program})
    fault: dict[str, Any] = ended.finished["fault"]
    return fault


def test_a_full_map_says_what_to_do() -> None:
    program = QUEUE.replace("BEFORE", "seen = HashMap(max_entries=2)\nn = 0")
    program = program.replace("BODY", "global n\n    n += 1\n    seen[n] = 1")
    fault = fault_of(program)
    assert (fault["line"], fault["skb"]) == (9, 3)
    assert "the map is full" in fault["message"]
    assert "update(key, value)" in fault["hint"]


def test_waking_without_end_names_no_line() -> None:
    program = '''"""x"""
q = SkbMap(max_entries=100)

def enqueue(skb, ctx):
    if not q.push(skb, 0):
        return DROP
    return QUEUED

def dequeue(ctx):
    ctx.delay = 1
    return THROTTLE
'''
    fault = fault_of(program)
    assert fault["line"] == 0
    assert fault["message"].startswith("between two calls at ")
    assert "each wake-up counts as 100" in fault["message"]


def test_a_packet_is_still_known_after_a_child_was_asked() -> None:
    program = '''"""x"""
children = Children(1)
n = 0

def enqueue(skb, ctx):
    global n
    n += 1
    if n == 5:
        out = child_dequeue(ctx.classid + 1)
        if out is not None:
            drop(out)
        n = 1 // (n - 5)
    ctx.classid = ctx.classid + 1
    return PASS

def dequeue(ctx):
    return child_dequeue(ctx.classid + 1)
'''
    fault = fault_of(program)
    assert (fault["slug"], fault["skb"]) == ("division-by-zero", 5)
