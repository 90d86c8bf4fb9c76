"""Faults and log lines as a reader sees them: sentences with their place, packet and cure."""

from __future__ import annotations

from typing import Any

from sandbox.build.network import Network
from sandbox.core import trap
from sandbox.core.instance import CALL_FUEL, LOG_LINES_MAX, WRAP_FORMAT
from sandbox.core.sim import BUSY_MAX, BUSY_ROWS_MAX
from sandbox.core.trap import SLUGS, Trap
from sandbox.protocol import Outcome

SENTENCES = {
    trap.DIV_ZERO: ("division by zero", "test the divisor first"),
    trap.INDEX: ("index {value} is outside the array", "indices run from 0 to n-1"),
    trap.NEGATIVE_RANK: (
        "rank {value} is negative",
        "ranks run from 0 to RANK_MAX; add an offset or use max(0, rank)",
    ),
    trap.LOAD_RANGE: ("offset {value} is outside the packet", "compare with skb.len first"),
    trap.FUEL_CALL: (
        f"one call used more than {CALL_FUEL} loop steps",
        "does the loop end?",
    ),
    trap.FUEL_RUN: (
        "the run used {value} loop steps, more than 1,000 for each packet and 1,000,000; "
        "each wake-up counts as 100",
        "do less in each call, or wake less often",
    ),
    trap.DELAY: ("THROTTLE with ctx.delay = {value}", "set ctx.delay to 1 ns or more first"),
    trap.TIMER: ("ctx.timer_after({value})", "a timer needs 1 ns or more"),
    trap.LOOP_AT_INSTANT: (
        f"the device asked more than {BUSY_MAX} times at one instant",
        "dequeue pushes a packet whenever it is asked and gives none",
    ),
    trap.TOO_MANY_PACKETS: (
        "the run made more than {value} packets",
        "shorten the duration or lower the rates",
    ),
    trap.TOO_MANY_ROWS: (
        f"one instant has more than {BUSY_ROWS_MAX} rows of the trace",
        "is a packet pushed and popped again and again? smaller bursts, or no trace",
    ),
    trap.MAP_FULL: (
        "the map is full",
        "use update(key, value), which says whether there was room, or an LruHashMap",
    ),
    trap.OWNERSHIP: ("packet {value} is still held after QUEUED", "push it or drop it"),
    trap.LOG_LIMIT: (
        f"the log is full, {LOG_LINES_MAX} lines",
        "trace less often",
    ),
}
LIMITS = {
    trap.FUEL_CALL: Outcome.LIMIT_FUEL,
    trap.FUEL_RUN: Outcome.LIMIT_FUEL,
    trap.LOOP_AT_INSTANT: Outcome.LIMIT_FUEL,
    trap.TOO_MANY_PACKETS: Outcome.LIMIT_OUTPUT,
    trap.TOO_MANY_ROWS: Outcome.LIMIT_OUTPUT,
    trap.LOG_LIMIT: Outcome.LIMIT_OUTPUT,
}


def outcome_of(caught: Trap) -> Outcome:
    """Return the outcome a fault ends a run with."""
    return LIMITS.get(caught.code, Outcome.RUNTIME_ERROR)


def describe(network: Network, caught: Trap) -> dict[str, Any]:
    """Return a fault with its program, line, packet and time."""
    sim = network.sim
    caller = sim.caller
    program = ""
    if caller is not None:
        program = network.places.table[caller.place]["program"]
    sentence, hint = SENTENCES.get(caught.code, ("the program faulted", ""))
    text = sentence.format(value=caught.value)
    packet = f", skb {sim.current_skb}" if sim.current_skb else ""
    # A watchdog or timer that wakes without end has no line.
    line = f"line {caught.line}" if caught.line else "between two calls"
    where = f"{line}{packet} at {sim.now_ns / 1e6:g} ms"
    return {
        "slug": SLUGS[caught.code],
        "message": f"{where}: {text}",
        "hint": hint,
        "line": caught.line,
        "program": program,
        "place": caller.place if caller is not None else 0,
        "skb": sim.current_skb,
        "time_ns": sim.now_ns,
    }


def log_entry(network: Network, index: int) -> dict[str, Any]:
    """Return a log line with its text made from the program's format."""
    time_ns, number, line, skb, form, args = network.sim.log[index]
    instance = network.sim.instances[number]
    if form == WRAP_FORMAT:
        text = "an int wrapped around at 64 bits in this line"
    else:
        loaded = next(b for b in network.built.values() if b.instance is instance).loaded
        text = format_text(loaded.program.formats[form], args)
    return {
        "index": index,
        "time_ns": time_ns,
        "line": line,
        "place": instance.place,
        "skb": skb,
        "text": text,
    }


def format_text(form: str, args: tuple[int, ...]) -> str:
    """Return a bpf_printk-like format filled in: %d, %u, %x and %%."""
    parts: list[str] = []
    left = list(args)
    at = 0
    while at < len(form):
        char = form[at]
        if char != "%" or at + 1 >= len(form):
            parts.append(char)
            at += 1
            continue
        kind = form[at + 1]
        at += 2
        if kind == "%":
            parts.append("%")
            continue
        value = left.pop(0) if left else 0
        if kind == "d":
            parts.append(str(value))
        else:
            parts.append(format(value & (2**64 - 1), "x" if kind == "x" else "d"))
    return "".join(parts)
