"""Workload: random packets, a tight setting of every library qdisc, and a run that keeps the invariants."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from sandbox.engine import prepare
from sandbox.protocol import Job
from tests.invariants import DROP, ROW, TX_START, violations

FLOWS = 4
MARK = 9
PRIORITIES = (0, 6, 2, 1)  # of the flows: bands 1, 0, 2, 2


@dataclass(frozen=True, slots=True)
class Sent:
    """One packet that is offered; its flow decides priority, mark and ports."""

    time_ns: int
    flow: int
    len_bytes: int
    ecn: int = 0


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: packets by number from 0, in the order they left, and those dropped and marked."""

    order: tuple[int, ...]
    starts_ns: tuple[int, ...]
    dropped: tuple[int, ...]
    marked: tuple[int, ...]
    finished: dict[str, Any]


def classes(kind: str, *options: str) -> str:
    """Return a root qdisc with one class for each flow and filters on the flows' marks."""
    lines = [f"qdisc add dev eth0 root handle 1: {kind}"]
    for number in range(1, FLOWS + 1):
        option = options[(number - 1) % len(options)] if options else ""
        lines.append(f"class add dev eth0 parent 1: classid 1:{number} {kind} {option}")
        match = f"protocol ip prio 1 handle {number} fw classid 1:{number}"
        lines.append(f"filter add dev eth0 parent 1: {match}")
    return "\n".join(lines)


# Settings that overflow, drop and shape under little traffic; a qdisc not named here runs as it comes.
TIGHT = {
    "pfifo": ["pfifo limit 5"],
    "bfifo": ["bfifo limit 6000"],
    "pfifo_head_drop": ["pfifo_head_drop limit 4"],
    "codel": ["codel limit 12 target 1ms interval 10ms", "codel limit 30 target 2ms interval 5ms ecn"],
    "sfq": [
        "sfq limit 8 depth 3",
        "sfq limit 6 headdrop quantum 300",
        "sfq limit 9 perturb 1 divisor 2 flows 2",
    ],
    "fq_codel": [
        "fq_codel limit 8 target 1ms interval 10ms drop_batch 3",
        "fq_codel flows 2 quantum 300 noecn target 1ms interval 5ms memory_limit 20000",
    ],
    "tbf": ["tbf rate 2mbit burst 2000 limit 8000", "tbf rate 1mbit burst 5000 limit 5000 peakrate 3mbit mtu 1514"],
    "ets": ["ets bands 3 strict 1 quanta 700 2000 priomap 1 2 0 2", "ets bands 2 quanta 500"],
    "skbprio": ["skbprio limit 5"],
    "edf": ["edf limit 6 drop_late default_deadline 4ms", "edf default_deadline 10ms"],
    "stfq": ["stfq limit 7 weights 1 2 3 4"],
}  # fmt: skip
CLASSFUL = {"drr": [classes("drr", "quantum 300", "quantum 1514"), classes("drr")]}
CLASSFUL["stfq"] = [classes("stfq", "weight 1", "weight 3")]


def settings(kind: str) -> list[str]:
    """Return tc texts that put a library qdisc at the root of eth0: tight, by default, under a shaper."""
    tight = [f"qdisc add dev eth0 root handle 1: {text}" for text in TIGHT.get(kind, [])]
    texts = tight + CLASSFUL.get(kind, []) + [f"qdisc add dev eth0 root handle 1: {kind}"]
    shaper = "qdisc add dev eth0 root handle 1: tbf rate 2mbit burst 2000 limit 1000000"
    child = (TIGHT.get(kind) or [kind])[0]
    return [*texts, f"{shaper}\nqdisc add dev eth0 parent 1:1 handle 10: {child}"]


ROOT = "qdisc add dev eth0 root handle 1: "
LEAF = "\nqdisc add dev eth0 parent 1:{} handle {}: {}"
# Qdiscs in qdiscs: every library kind as a child of every classful one, two of them three deep.
TREES = {
    "prio over sfq, codel, bfifo": ROOT
    + "prio"
    + LEAF.format(1, 11, "sfq limit 8")
    + LEAF.format(2, 12, "codel limit 20 target 1ms interval 5ms")
    + LEAF.format(3, 13, "bfifo limit 5000"),
    "prio over tbf, fq_codel, stfq": ROOT
    + "prio"
    + LEAF.format(1, 11, "tbf rate 500kbit burst 2000 limit 5000")
    + LEAF.format(2, 12, "fq_codel limit 9 target 1ms interval 5ms")
    + LEAF.format(3, 13, "stfq"),
    "drr over codel, tbf, edf, pfifo_head_drop": classes("drr", "quantum 500", "quantum 1514")
    + LEAF.format(1, 11, "codel target 1ms interval 3ms")
    + LEAF.format(2, 12, "tbf rate 900kbit burst 1600 limit 9000")
    + LEAF.format(3, 13, "edf default_deadline 3ms drop_late")
    + LEAF.format(4, 14, "pfifo_head_drop limit 3"),
    "ets over skbprio, tbf, sfq": ROOT
    + "ets bands 3 strict 1 quanta 400 900 priomap 1 2 0 1"
    + LEAF.format(1, 11, "skbprio limit 3")
    + LEAF.format(2, 12, "tbf rate 900kbit burst 1600 limit 9000")
    + LEAF.format(3, 13, "sfq limit 6"),
    "tbf over prio over drr": ROOT
    + "tbf rate 2mbit burst 1600 limit 1"
    + LEAF.format(1, 2, "prio bands 2")
    + "\nqdisc add dev eth0 parent 2:2 handle 3: drr"
    + "\nclass add dev eth0 parent 3: classid 3:1 drr quantum 700"
    + "\nfilter add dev eth0 parent 3: protocol ip prio 1 handle 1 fw classid 3:1"
    + "\nqdisc add dev eth0 parent 3:1 handle 4: pfifo_fast",
}


def packets() -> st.SearchStrategy[list[Sent]]:
    """Return random packets: bursts, pauses, all sizes, some ECN-capable."""
    one = st.tuples(
        st.sampled_from([0, 0, 0, 1_000, 700_000, 3_000_000, 20_000_000]),
        st.integers(0, FLOWS - 1),
        st.sampled_from([60, 61, 200, 800, 1513, 1514]),
        st.integers(0, 3),
    )
    return st.lists(one, min_size=1, max_size=60).map(_timed)


def _timed(gaps: list[tuple[int, int, int, int]]) -> list[Sent]:
    now = 0
    sent = []
    for gap, flow, len_bytes, ecn in gaps:
        now += gap
        sent.append(Sent(now, flow, len_bytes, ecn))
    return sent


def steady(seed: int, count: int = 400) -> list[Sent]:
    """Return packets of a fixed seed that overload a link of 4 Mbit/s by half."""
    rng = random.Random(seed)
    now = 0
    sent = []
    for _ in range(count):
        len_bytes = rng.randrange(60, 1515)
        now += round(len_bytes * 8 * 1000 / 6 * rng.uniform(0.2, 1.8))
        sent.append(Sent(now, rng.randrange(FLOWS), len_bytes))
    return sent


def play(
    tc: str,
    sent: list[Sent],
    *,
    rate: str = "4mbit",
    events: str = "",
    ports: int = 10_000,
    txqueuelen: int = 10,
    order: bool = True,
    idle: bool = True,
) -> Ran:
    """Run the packets through a qdisc and check the invariants."""
    rows = ["time_ns,flow,len,sport,dport,priority,mark,ecn"]
    for one in sent:
        rows.append(
            f"{one.time_ns},{one.flow},{one.len_bytes},{ports + one.flow},{ports * 2 + one.flow},"
            f"{PRIORITIES[one.flow]},{one.flow + 1},{one.ecn}"
        )
    text = (
        'title = "workload"\nrun = { duration = "30s", seed = 1 }\n'
        f'tc = """\n{tc}\n"""\n{events}\n'
        f'[device.eth0]\nrate = "{rate}"\ntxqueuelen = {txqueuelen}\n'
        '[flow.sent]\nmodel = "replay"\nfile = "packets.csv"\ndeadline = "5ms"\n'
    )
    prepared = prepare(Job(scenario=text, files={"packets.csv": "\n".join(rows).encode()}))
    assert prepared.run is not None, [problem.render() for problem in prepared.diagnostics]
    run = prepared.run
    started = run.started()
    data = b""
    while not run.done:
        data += run.advance(100_000)
    finished = run.finished()
    assert finished["outcome"] == "ok", finished["fault"]
    problems = violations(data, started, order=order, idle=idle)
    assert not problems, "\n".join(problems)
    listed = list(ROW.iter_unpack(data))
    left = [row for row in listed if row[2] == TX_START]
    return Ran(
        order=tuple(row[1] - 1 for row in left),
        starts_ns=tuple(row[0] for row in left),
        dropped=tuple(row[1] - 1 for row in listed if row[2] == DROP),
        marked=tuple(row[1] - 1 for row in listed if row[2] == MARK),
        finished=finished,
    )
