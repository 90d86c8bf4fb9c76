"""Every shipped scenario keeps the invariants, and its statistics are those its rows add up to."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.engine import prepare
from sandbox.protocol import Job
from tests.invariants import Totals, check

SCENARIOS = Path(__file__).resolve().parent.parent / "scenarios"
PATHS = sorted(path for path in SCENARIOS.glob("*/*.toml") if path.parent.name != "refusals")


def job(path: Path) -> Job:
    """Return the job of a scenario with the programs and files beside it."""
    beside = [file for file in path.parent.iterdir() if file.name in path.read_text()]
    programs = {file.name: file.read_text() for file in beside if file.suffix == ".py"}
    files = {file.name: file.read_bytes() for file in beside if file.suffix != ".py"}
    return Job(scenario=path.read_text(), programs=programs, files=files)


def counted(totals: Totals) -> dict[str, int]:
    """Return a flow's totals under the names that the statistics use."""
    return {
        "sent": totals.offered_packets,
        "bytes": totals.offered_bytes,
        "received": totals.received_packets,
        "received_bytes": totals.received_bytes,
        "drops": totals.drops,
        "purged": totals.purged,
        "stolen": totals.stolen,
    }


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_shipped_scenario_keeps_the_invariants(path: Path) -> None:
    run = prepare(job(path)).run
    assert run is not None
    started = run.started()
    rows = bytearray()
    while not run.done:
        rows += run.advance(100_000)
    books = check(bytes(rows), started)
    assert books.problems == []
    flows = run.finished()["statistics"]["flows"]
    for flow in started["flows"]:
        stated = flows[flow["name"]]
        totals = counted(books.flows[flow["index"]])
        assert {name: stated[name] for name in totals} == totals, flow["name"]
