"""A program that runs as a tc bpf filter: what it steals is gone, and its caller goes on where it was."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.compare import play
from sandbox.machines.interface import Engine
from sandbox.protocol import Job
from tests.core.both import played

SCENARIO = """title = "t"
device = {{ rate = "1mbit" }}
run = {{ duration = "200ms" }}
[program]
f = "filter.qdisc.py"
[qdisc]
"1:" = {root}
{classes}
[flow]
a = {{ model = "cbr", pps = 500, size = "100b" }}
[[filter]]
parent = "1:"
program = "f"
"""
CLASS = """[class]
"1:1" = { parent = "1:" }
"""
EVERY_THIRD = '''"""Takes every third packet."""
side = SkbMap(max_entries=10)
n = 0

def classify(skb, ctx):
    global n
    n += 1
    if n % 3 == 0:
        STEAL
        return STOLEN
    return 0x10001
'''
KEEPS = EVERY_THIRD.replace("STEAL", "if not side.push(skb, 0):\n            return 0")
FREES = EVERY_THIRD.replace("STEAL", "n += 0")
CALLER = '''"""Its own filter."""
q = SkbMap(max_entries=20)
turns = 0

def classify(skb, ctx):
    CLASSIFY

def enqueue(skb, ctx):
    global turns
    ENQUEUE
    if not q.push(skb, 0):
        return DROP
    return QUEUED

def dequeue(ctx):
    return q.pop()
'''


def ended(root: str, program: str, classes: str = "") -> dict[str, Any]:
    """Return how a run ended, the same on both engines."""
    text = SCENARIO.format(root=root, classes=classes)
    return played(text, {"filter.qdisc.py": program}, trace=True).finished


def own(classify: str, enqueue: str) -> dict[str, Any]:
    text = CALLER.replace("CLASSIFY", classify).replace("ENQUEUE", enqueue)
    return ended('{ program = "f" }', text)


@pytest.mark.parametrize("kind", ["prio", "drr", "ets", "sfq", "fq_codel", "stfq"])
def test_what_a_filter_keeps_or_frees_is_nobody_elses(kind: str) -> None:
    options = ", bands = 3" if kind == "ets" else ""
    classes = CLASS if kind in ("drr", "stfq") else ""
    for program in (KEEPS, FREES):
        finished = ended(f'{{ kind = "{kind}"{options} }}', program, classes)
        assert finished["outcome"] == "ok", finished
        total = finished["statistics"]["total"]
        kept = 10 if program is KEEPS else 0
        gone = total["received"] + total["drops"] + total["stolen"] + kept
        assert 0 <= total["sent"] - gone <= 2  # on the wire at the end
        assert total["stolen"] == (33 if program is FREES else 0)
        for qdisc in finished["statistics"]["qdiscs"].values():
            assert qdisc["qlen"]["now"] >= 0


def test_a_packet_in_the_filters_map_is_not_pushed_again() -> None:
    push = "return STOLEN if q.push(skb, 0) else 0"
    finished = own(push, "turns = skb_classify(skb, ctx.classid)")
    total = finished["statistics"]["total"]
    assert finished["outcome"] == "ok"
    assert total["sent"] >= total["received"] >= total["sent"] - 2


def test_classifying_gives_no_loop_steps_back() -> None:
    loop = "while True:\n        turns = skb_classify(skb, ctx.classid)\n        if turns == 5:\n            break"
    assert own("return 0x10002", loop)["outcome"] == "limit-fuel"


def test_a_filter_frees_what_it_evicts() -> None:
    program = '''"""x"""
class Wide(Record):
    n: int = 0
    seen: Array(int, 1024)

seen = LruHashMap(max_entries=4, value=Wide)
made = 0

def classify(skb, ctx):
    global made
    made += 1
    one = seen.lookup_or_init(made % 5)
    if one is not None:
        one.n += 1
    return 0x10001
'''
    text = SCENARIO.replace('"200ms"', '"2s"').replace("500", "10000").replace("1mbit", "100mbit")
    job = Job(
        scenario=text.format(root='{ kind = "prio" }', classes=""),
        programs={"filter.qdisc.py": program},
    )
    on_wasm = play(job, Engine.WASM)  # the reference engine would take long
    assert on_wasm is not None and on_wasm.finished["outcome"] == "ok"


def test_a_fault_in_a_filter_names_the_filter_and_its_line() -> None:
    divides = "    return 0x10001 + 5 // (n - 3)\n"
    program = EVERY_THIRD.replace("STEAL", "n += 0").replace("    return 0x10001\n", divides)
    fault = ended('{ kind = "prio" }', program.replace("% 3", "% 7"))["fault"]
    assert fault["program"] == "filter.qdisc.py"
    assert program.splitlines()[fault["line"] - 1] == divides.rstrip("\n")


def test_a_filter_knows_the_time() -> None:
    program = '''"""x"""
def classify(skb, ctx):
    trace("%d", ctx.now)
    return 0x10001

def egress(skb, ctx):
    return OK if skb_classify(skb, 0x10000) else DROP
'''
    text = SCENARIO.format(root='{ kind = "prio" }', classes="")
    text = text.replace("[qdisc]", '[egress]\neth0 = "f"\n[qdisc]')
    log = played(text, {"filter.qdisc.py": program}, trace=True).log
    assert log
    assert all(int(entry["text"]) == entry["time_ns"] for entry in log)
