"""Replay: play a recording's packets through the same tc configuration in the simulator.

The bottleneck of a recording is modelled as what it is. `htb` (an htb class with burst 1) lets a packet go when
the link falls idle and chooses it then: a device of that rate with the qdisc under test at its root. `tbf` and
`root` shape by themselves: the configuration as it stands, on a device far too fast to matter, which takes every
packet the moment it is offered. A packet departs when the root qdisc hands it over, as in the recordings.
"""

from __future__ import annotations

import re

from sandbox.build.programs import library_names
from sandbox.engine import prepare
from sandbox.protocol import Job
from tests.invariants import ROW
from tests.kernel.recording import Arrival, Behaviour, Recording

DEQUEUE, DROP, MARK = 7, 8, 9
SEND_NS = 7_000  # what one send() took on the recording machine: 60 of them 0.4 ms
FAST = 'rate = "1tbit"\nring = 4096'


class NotHere(Exception):
    """The recording uses something that the library does not have."""


def lines_of(recording: Recording) -> list[str]:
    """Return the tc lines of the qdisc under test, bottleneck removed where a device takes its place."""
    if recording.bottleneck not in ("htb", "tbf", "root"):
        raise NotHere(f"bottleneck: {recording.bottleneck}")
    lines = [line.replace("{R}", recording.rate) for line in recording.config]
    if recording.bottleneck == "htb":
        own = [line for line in lines if not _is_bottleneck(line)]
        lines = [re.sub(r"\bparent 1:1\b", "root", line) for line in own]
    for line in lines:
        kind = kind_of(line)
        if kind and kind not in library_names():
            raise NotHere(kind)
    return lines


def _is_bottleneck(line: str) -> bool:
    return " root handle 1: htb" in line or " parent 1: classid 1:1 htb" in line


def kind_of(line: str) -> str:
    """Return the kind of qdisc that a tc line adds, "" for another line."""
    words = line.split()
    if words[:2] != ["qdisc", "add"]:
        return ""
    at = 2
    while words[at] in ("dev", "parent", "handle", "root"):
        at += 1 if words[at] == "root" else 2
    return words[at]


def send_times_ns(arrivals: tuple[Arrival, ...]) -> list[int]:
    """Return when each packet really came: one after the other, as the sender's loop sends them."""
    times: list[int] = []
    for arrival in arrivals:
        earliest = times[-1] + SEND_NS if times else 0
        times.append(max(arrival.time_us * 1000, earliest))
    return times


def scenario(recording: Recording) -> tuple[str, dict[str, bytes]]:
    """Return the scenario text and its file of packets."""
    device = f'rate = "{recording.rate}"' if recording.bottleneck == "htb" else FAST
    tc = "\n".join(lines_of(recording))
    rows = ["time_ns,flow,len,sport,dport,priority,mark,dscp,ecn"]
    times = send_times_ns(recording.arrivals)
    for time_ns, one in zip(times, recording.arrivals, strict=True):
        ports = f"{10_000 + one.flow},{20_000 + one.flow}"
        rows.append(
            f"{time_ns},{one.flow},{one.len_bytes},{ports},{one.priority},{one.mark},"
            f"{one.tos >> 2},{one.tos & 3}"
        )
    text = (
        f'title = "{recording.case}"\nrun = {{ duration = "60s", seed = 1 }}\n'
        f'tc = """\n{tc}\n"""\n[device.v0]\n{device}\n'
        '[flow.sent]\nmodel = "replay"\nfile = "packets.csv"\n'
    )
    return text, {"packets.csv": "\n".join(rows).encode()}


def play(recording: Recording) -> Behaviour:
    """Return what the simulator does with the recording's packets."""
    text, files = scenario(recording)
    prepared = prepare(Job(scenario=text, files=files))
    errors = [f"{d.message} ({d.hint})" for d in prepared.diagnostics if d.severity == "error"]
    if prepared.run is None:
        raise NotHere("; ".join(errors))
    run = prepared.run
    places = run.started()["places"]
    root = next(p["index"] for p in places if p["kind"] == "qdisc" and p["classid"] == "root")
    data = b""
    while not run.done:
        data += run.advance(100_000)
    finished = run.finished()
    if finished["outcome"] != "ok":
        raise RuntimeError(f"{recording.case}: {finished['outcome']}: {finished['fault']}")
    rows = list(ROW.iter_unpack(data))
    left = [row for row in rows if row[2] == DEQUEUE and row[4] == root]
    return Behaviour(
        order=tuple(row[1] - 1 for row in left),
        times_us=tuple(row[0] / 1000 for row in left),
        dropped=tuple(sorted(row[1] - 1 for row in rows if row[2] == DROP)),
        marked=frozenset(row[1] - 1 for row in rows if row[2] == MARK),
    )
