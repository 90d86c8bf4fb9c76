"""Run scenarios for the comparisons with theory, and do the little statistics they need.

`THEORY=long` in the environment asks for the full budgets of packets; docs/decisions/0007 has the rule.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sandbox.engine import prepare
from sandbox.machines.interface import Engine
from sandbox.protocol import Job
from tests.invariants import ARRIVE, DROP, ROW, TX_START, violations
from tests.theory.loop import Departure, Packet

LONG = os.environ.get("THEORY", "") == "long"
JUDGED: set[str] = set()
GBIT = 1_000_000_000
# Two-sided 99 % quantiles of Student's t, by degrees of freedom.
T_99 = {
    3: 5.841,
    4: 4.604,
    5: 4.032,
    7: 3.499,
    9: 3.250,
    11: 3.106,
    14: 2.977,
    19: 2.861,
    49: 2.680,
    99: 2.626,
}


class Wait(NamedTuple):
    """One packet that was sent: when it came, when its first bit left."""

    skb: int
    flow: int
    len_bytes: int
    arrived_ns: int
    start_ns: int

    @property
    def wait_ns(self) -> int:
        """Return the time in the queue, service excluded."""
        return self.start_ns - self.arrived_ns


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run: its first and last message, and every row when they were kept."""

    started: dict[str, Any]
    finished: dict[str, Any]
    rows: bytes

    def of_kind(self, kind: int) -> Iterable[tuple[int, ...]]:
        """Yield the rows of one kind."""
        return (row for row in ROW.iter_unpack(self.rows) if row[2] == kind)

    def waits(self) -> list[Wait]:
        """Return every packet that was sent, in the order of sending."""
        came: dict[int, tuple[int, int, int]] = {}
        sent = []
        for time_ns, skb, kind, _, _, _, _, slot, aux in ROW.iter_unpack(self.rows):
            if kind == ARRIVE:
                came[skb] = (slot, aux, time_ns)
            elif kind == TX_START:
                sent.append(Wait(skb, *came[skb], time_ns))
        return sent

    def departures(self) -> list[Departure]:
        """Return every packet's time on the wire, in order."""
        return [
            Departure(row[1], row[0], row[0] + row[5])
            for row in ROW.iter_unpack(self.rows)
            if row[2] == TX_START
        ]

    def drops(self) -> list[int]:
        """Return the numbers of the dropped packets, in the order of dropping."""
        return [row[1] for row in self.of_kind(DROP)]


def run(
    scenario: str,
    *,
    seed: int = 1,
    trace: bool = True,
    files: dict[str, bytes] | None = None,
    duration: str | None = None,
    idle: bool = True,
    order: bool = True,
) -> Result:
    """Run a scenario to its end; the invariants are checked of the first run of each that keeps its trace."""
    job = Job(scenario=scenario, files=files or {}, seed=seed, duration=duration, trace=trace)
    prepared = prepare(job, Engine.WASM)
    assert prepared.run is not None, [problem.render() for problem in prepared.diagnostics]
    engine = prepared.run
    started = engine.started()
    rows = bytearray()
    while not engine.done:
        rows += engine.advance(50_000)
    finished = engine.finished()
    assert finished["outcome"] == "ok", finished["fault"]
    # Judging costs ten times the run, and further seeds take the same paths; the long run judges all of them.
    if trace and (LONG or scenario not in JUDGED):
        JUDGED.add(scenario)
        problems = violations(bytes(rows), started, idle=idle, order=order)
        assert not problems, "\n".join(problems)
    return Result(started, finished, bytes(rows))


def link(
    qdisc: str,
    flows: Iterable[str],
    *,
    rate: str = "1gbit",
    duration: str = "1s",
    extra: str = "",
    mtu: str = "1500b",
) -> str:
    """Return a scenario of one device with one root qdisc and these flows."""
    lines = [
        'title = "theory"',
        f'run = {{ duration = "{duration}" }}',
        f'device.eth0 = {{ rate = "{rate}", mtu = "{mtu}" }}',
        extra,
        "[qdisc]",
        f'"eth0 1:" = {{ parent = "root", {qdisc} }}',
        "[flow]",
        *flows,
    ]
    return "\n".join(lines)


def recording(packets: Sequence[Packet]) -> dict[str, bytes]:
    """Return the file that replays these packets, for a flow `all = { model = "replay", … }`."""
    lines = ["time_ns,len,flow,priority,mark"]
    lines += [
        f"{packet.time_ns},{packet.len_bytes},f{packet.flow:02},{packet.priority},{packet.flow + 1}"
        for packet in packets
    ]
    return {"arrivals.csv": "\n".join(lines).encode()}


REPLAY = 'all = { model = "replay", file = "arrivals.csv" }'


class Estimate(NamedTuple):
    """The mean of independent runs with half its 99 % t-interval."""

    mean: float
    half: float

    def agrees(self, expected: float, percent: float) -> bool:
        """Tell whether a formula's value is inside the interval and the mean close enough to it."""
        inside = abs(self.mean - expected) <= self.half
        return inside and abs(self.mean - expected) <= expected * percent / 100


def estimate(values: Sequence[float]) -> Estimate:
    """Return the estimate that independent values give."""
    count = len(values)
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return Estimate(mean, T_99[count - 1] * math.sqrt(variance / count))


def over_seeds(measure: Callable[[int], float], seeds: int = 10) -> Estimate:
    """Return the estimate of a measure over seeds 1, 2, …"""
    return estimate([measure(seed) for seed in range(1, seeds + 1)])


def after_warm_up(waits: Sequence[Wait]) -> Sequence[Wait]:
    """Return the packets that came after the first tenth of the time."""
    border = waits[-1].arrived_ns // 10
    return [wait for wait in waits if wait.arrived_ns >= border]


def mean(values: Iterable[float]) -> float:
    """Return the mean."""
    listed = list(values)
    return math.fsum(listed) / len(listed)
