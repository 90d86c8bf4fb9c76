"""Recording: what the Linux kernel did with a list of packets, as docs/fidelity.md describes the files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arrival:
    """One packet as it was sent."""

    time_us: int
    flow: int
    len_bytes: int
    priority: int
    mark: int
    tos: int


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What became of the packets, which are numbered from 0: kernel and simulator give the same shape."""

    order: tuple[int, ...]
    times_us: tuple[float, ...]
    dropped: tuple[int, ...]
    marked: frozenset[int]

    def flow_bytes(self, arrivals: Sequence[Arrival]) -> Counter[int]:
        """Return the bytes sent of each flow."""
        total: Counter[int] = Counter()
        for number in self.order:
            total[arrivals[number].flow] += arrivals[number].len_bytes
        return total


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded case; `runs` are repetitions, which `same_order` and `same_drops` compare."""

    case: str
    config: tuple[str, ...]
    rate: str
    bottleneck: str
    arrivals: tuple[Arrival, ...]
    runs: tuple[Behaviour, ...]
    same_order: bool
    same_drops: bool


def read(path: Path) -> Recording:
    """Return the recording in a file."""
    data = json.loads(path.read_text())
    fields = [data["arrival_fields"].index(name) for name in FIELDS]
    return Recording(
        case=data["case"],
        config=tuple(data["config"]),
        rate=data["rate"],
        bottleneck=data["bottleneck"],
        arrivals=tuple(Arrival(*(row[at] for at in fields)) for row in data["arrivals"]),
        runs=tuple(_behaviour(run) for run in data["runs"]),
        same_order=data["same_order"],
        same_drops=data["same_drops"],
    )


FIELDS = ("t_us", "flow", "len", "prio", "mark", "tos")


def _behaviour(run: dict[str, list[list[int]]]) -> Behaviour:
    return Behaviour(
        order=tuple(row[0] for row in run["dep"]),
        times_us=tuple(row[1] for row in run["dep"]),
        dropped=tuple(sorted(row[0] for row in run["drop"])),
        marked=frozenset(row[0] for row in run["dep"] if len(row) > 2),
    )
