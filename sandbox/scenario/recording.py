"""Recorded traffic as arrivals: one set of columns per header tuple."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.scenario.model import MAX_FLOWS, MAX_LEN_BYTES, MAX_PACKETS, MIN_LEN_BYTES, Arrivals


class ReplayError(ValueError):
    """A file that cannot be replayed; `hint` is the cure."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(slots=True)
class Stream:
    """The packets of one header tuple; `fields` are Flow fields that the file fixes."""

    name: str
    fields: dict[str, Any]
    arrivals: Arrivals = field(default_factory=Arrivals)


class Recording:
    """All packets of one file in the order of their times, split by header tuple."""

    def __init__(self) -> None:
        self.streams: dict[object, Stream] = {}
        self.packets = 0
        self.skipped = 0  # packets that are not UDP or TCP over IP, or too short to tell
        self.last_ns = 0

    def stream(self, key: object, make: Callable[[int], Stream]) -> Stream:
        """Return the stream of a header tuple, made with its number when it is new."""
        found = self.streams.get(key)
        if found is None:
            if len(self.streams) >= MAX_FLOWS:
                raise ReplayError(
                    f"the file has more than {MAX_FLOWS} flows",
                    "cut it down to the flows that matter",
                )
            found = self.streams[key] = make(len(self.streams) + 1)
        return found

    def add(self, stream: Stream, time_ns: int, len_bytes: int) -> None:
        """Append one packet."""
        self.packets += 1
        if self.packets > MAX_PACKETS:
            raise ReplayError(f"the file has more than {MAX_PACKETS} packets")
        stream.arrivals.times_ns.append(time_ns)
        stream.arrivals.lens_bytes.append(min(max(len_bytes, MIN_LEN_BYTES), MAX_LEN_BYTES))
        self.last_ns = max(self.last_ns, time_ns)


def scaled(arrivals: Arrivals, numerator: int, denominator: int) -> Arrivals:
    """Return the same packets with all times multiplied by a fraction."""
    if numerator == denominator:
        return arrivals
    times = array("q", (t * numerator // denominator for t in arrivals.times_ns))
    return Arrivals(
        times_ns=times,
        lens_bytes=arrivals.lens_bytes,
        priorities=arrivals.priorities,
        marks=arrivals.marks,
        dscps=arrivals.dscps,
        ecns=arrivals.ecns,
    )


def ordered(arrivals: Arrivals) -> Arrivals:
    """Return the same packets sorted by time; packets of one moment keep their order."""
    times = arrivals.times_ns
    if all(times[i] <= times[i + 1] for i in range(len(times) - 1)):
        return arrivals
    order = sorted(range(len(times)), key=times.__getitem__)

    def pick(column: array[int]) -> array[int]:
        return array("q", (column[i] for i in order)) if column else column

    return Arrivals(
        times_ns=pick(times),
        lens_bytes=pick(arrivals.lens_bytes),
        priorities=pick(arrivals.priorities),
        marks=pick(arrivals.marks),
        dscps=pick(arrivals.dscps),
        ecns=pick(arrivals.ecns),
    )
