"""Compare the simulator with recordings of the Linux kernel: `python tests/kernel/compare.py FILE.json …`.

Prints one line a case: `same`, `known` (a difference listed with its reason in known.toml), `different` with the
first difference, or `not in the library`. Exit status 1 when any case is different; cases that the library
does not cover do not change it.

A case is the same when packets leave in the same order, the same ones are dropped and marked, and each leaves
within 0.1 ms. Where the kernel's own runs disagree, the number of drops (and of marks) must lie within
their spread, and each flow's bytes within 1 %.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
if str(HERE.parent.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent.parent))

from tests.kernel.recording import Behaviour, Recording, read  # noqa: E402
from tests.kernel.replay import NotHere, play  # noqa: E402

TIME_US = 100.0
BYTES_PART = 0.01
ENTRIES_MAX = 3


@dataclass(slots=True)
class Verdict:
    """The outcome of one case; `positions`, `drops` and `time_us` measure how far apart the two are."""

    case: str
    word: str
    text: str = ""
    differences: list[str] = field(default_factory=list)
    positions: int = 0
    drops: int = 0
    time_us: float = 0.0

    @property
    def line(self) -> str:
        """Return the verdict as one line."""
        detail = "; ".join(self.differences[:1]) or self.text
        return f"{self.case:32} {self.word:19} {detail}"


def compare(recording: Recording) -> Verdict:
    """Play a recording and judge the result."""
    try:
        ours = play(recording)
    except NotHere as error:
        return Verdict(recording.case, "not in the library", str(error))
    verdict = Verdict(recording.case, "same")
    runs = recording.runs
    kernel = runs[0]
    if recording.same_order:
        _compare_order(recording, kernel, ours, verdict)
        _compare_times(recording, ours, verdict)
    else:
        _compare_bytes(recording, ours, verdict)
    if recording.same_drops:
        _compare_sets("drops", set(kernel.dropped), set(ours.dropped), verdict)
    else:
        _compare_counts("drops", [len(run.dropped) for run in runs], len(ours.dropped), verdict)
    if all(run.marked == kernel.marked for run in runs):
        _compare_sets("marks", set(kernel.marked), set(ours.marked), verdict)
    else:
        _compare_counts("marks", [len(run.marked) for run in runs], len(ours.marked), verdict)
    verdict.text = (
        f"{len(ours.order)} sent, {len(ours.dropped)} dropped, {len(ours.marked)} marked, "
        f"at most {verdict.time_us:.0f} us apart"
    )
    if verdict.differences:
        verdict.word = "different"
        _excuse(verdict)
    return verdict


def _compare_order(
    recording: Recording, kernel: Behaviour, ours: Behaviour, verdict: Verdict
) -> None:
    pairs = list(zip(kernel.order, ours.order, strict=False))
    wrong = [at for at, (theirs, own) in enumerate(pairs) if theirs != own]
    verdict.positions = len(wrong) + abs(len(kernel.order) - len(ours.order))
    if wrong:
        at = wrong[0]
        theirs, own = pairs[at]
        flows = [recording.arrivals[number].flow for number in (theirs, own)]
        verdict.differences.append(
            f"position {at} of {len(pairs)} ({kernel.times_us[at]:.0f} us): the kernel sends packet "
            f"{theirs} of flow {flows[0]}, we packet {own} of flow {flows[1]} ({len(wrong)} positions)"
        )
    elif verdict.positions:
        verdict.differences.append(
            f"the kernel sends {len(kernel.order)} packets, we {len(ours.order)}"
        )


def _compare_times(recording: Recording, ours: Behaviour, verdict: Verdict) -> None:
    """Compare the instants of departure, packet by packet, with the nearest of the kernel's runs."""
    own = dict(zip(ours.order, ours.times_us, strict=True))
    runs = [dict(zip(run.order, run.times_us, strict=True)) for run in recording.runs]
    first = -1
    for number in recording.runs[0].order:
        if number not in own:
            continue
        apart = min(abs(run[number] - own[number]) for run in runs if number in run)
        verdict.time_us = max(verdict.time_us, apart)
        if apart > TIME_US and first < 0:
            first = number
    if first >= 0:
        verdict.differences.append(
            f"packet {first} leaves at {runs[0][first]:.0f} us, ours at {own[first]:.0f} us "
            f"(at most {verdict.time_us:.0f} us apart)"
        )


def _compare_sets(what: str, kernel: set[int], ours: set[int], verdict: Verdict) -> None:
    apart = sorted(kernel ^ ours)
    if what == "drops":
        verdict.drops = len(apart)
    if apart:
        who = "the kernel's" if apart[0] in kernel else "our"
        verdict.differences.append(
            f"packet {apart[0]} is among {who} {what} only ({len(kernel)} against {len(ours)})"
        )


def _compare_counts(what: str, kernel: list[int], ours: int, verdict: Verdict) -> None:
    """Hold a number to the spread of the kernel's own runs, which disagree on the packets."""
    if not min(kernel) <= ours <= max(kernel):
        if what == "drops":
            verdict.drops = abs(ours - kernel[0])
        verdict.differences.append(f"{ours} {what}, the kernel {min(kernel)} to {max(kernel)}")


def _compare_bytes(recording: Recording, ours: Behaviour, verdict: Verdict) -> None:
    runs = [run.flow_bytes(recording.arrivals) for run in recording.runs]
    own = ours.flow_bytes(recording.arrivals)
    for flow in sorted({arrival.flow for arrival in recording.arrivals}):
        low = min(run[flow] for run in runs) * (1 - BYTES_PART)
        high = max(run[flow] for run in runs) * (1 + BYTES_PART)
        if not low <= own[flow] <= high:
            verdict.differences.append(
                f"flow {flow} sends {own[flow]} bytes, the kernel {low:.0f} to {high:.0f} (with 1 %)"
            )


def known() -> list[dict[str, Any]]:
    """Return the entries of known.toml."""
    entries: list[dict[str, Any]] = tomllib.loads((HERE / "known.toml").read_text()).get(
        "known", []
    )
    return entries


def _excuse(verdict: Verdict) -> None:
    """Turn a difference into a known one when an entry names the case and its bounds hold."""
    for entry in known()[:ENTRIES_MAX]:
        if verdict.case in entry["cases"] and (
            verdict.positions <= entry["positions_max"]
            and verdict.drops <= entry["drops_max"]
            and verdict.time_us <= entry["time_us_max"]
        ):
            verdict.word = "known"


def main(arguments: Sequence[str]) -> int:
    """Compare every file named and return the exit status."""
    if not arguments:
        print(__doc__)
        return 2
    verdicts = [
        compare(read(Path(name))) for name in arguments if not name.endswith("summary.json")
    ]
    for verdict in verdicts:
        print(verdict.line)
    words = [verdict.word for verdict in verdicts]
    print(", ".join(f"{words.count(word)} {word}" for word in sorted(set(words))))
    return int("different" in words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
