"""Programs and scenarios the tests open on the page."""

from __future__ import annotations

FIFO = '''"""First come, first served."""

limit = Param(20, min=1, max=1000, unit="packets", help="packets the queue holds")

queue = SkbMap(max_entries=limit)


def enqueue(skb, ctx):
    if not queue.push(skb, 0):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()
'''
PUSH_LINE = 9
DROP_LINE = 10
LAST_IN_FIRST_OUT = FIFO.replace("return queue.pop()", "return queue.pop_last()")
MISSPELT = FIFO.replace("queue.push(", "quee.push(")
# Divides by zero at the eleventh packet it holds.
DIVIDES = FIFO.replace("queue.push(skb, 0)", "queue.push(skb, 100 // (10 - ctx.qlen))")
FLOODS = FIFO.replace(
    "    if not", '    for turn in range(900):\n        trace("turn %d", turn)\n    if not'
)

SCENARIO = """title = "A queue of our own"
summary = "Too many packets for a small queue."
device = { rate = "1mbit" }
run = { duration = "2s" }

[qdisc]
"1:" = { program = "mine.qdisc.py" }

[flow]
visitors = { model = "cbr", rate = "2mbit", size = "500b" }
"""
# A run that computes for seconds, so that there is time to disturb it.
ROOTS = " + ".join(f"isqrt(turn << {40 + shift})" for shift in range(8))
SLOW = FIFO.replace(
    "    if not",
    f"    total = 0\n    for turn in range(900):\n        total += {ROOTS}\n    if not",
)
LONG = SCENARIO.replace('"2s"', '"20s"')


def own(program: str = FIFO, scenario: str = SCENARIO) -> dict[str, str | bytes]:
    """Return a scenario of ours and its program as files to open."""
    return {"mine.toml": scenario, "mine.qdisc.py": program}
