"""What going back costs: python -m benchmarks.rewind [EVENTS] prints, for each qdisc, the price of keeping checkpoints
and how long it takes to seek and to branch to random moments of a run that has reached its end.

Eight Poisson flows of 1000-byte packets on 1 Gbit/s at load 1.2, so that the queue is full.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from random import Random

from benchmarks.engines import job
from sandbox.branch import branch
from sandbox.engine import Run, prepare
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import warm
from sandbox.protocol import ROWS_MAX, Job

KINDS = ("pfifo", "prio", "drr", "stfq", "fq_codel")
EVENTS_A_SECOND = 275_000
MOMENTS = 25


def played(one: Job, *, rewindable: bool) -> tuple[Run, float]:
    """Return a run at its end, and the CPU time it took."""
    run = prepare(one, Engine.WASM, rewindable=rewindable).run
    assert run is not None
    return run, _to_end(run)


def _to_end(run: Run) -> float:
    started = time.process_time()
    while not run.done:
        run.advance(2047)
    return time.process_time() - started


def measure(one: Job) -> str:
    """Return a line of the table."""
    plain_s = played(one, rewindable=False)[1]
    run, kept_s = played(one, rewindable=True)
    assert run.history is not None
    kept = run.history.checkpoints.kept
    pages = {id(page): len(page) for one in kept for page in one.pages}
    count, mib = len(kept), sum(pages.values()) / 2**20
    events, rows, draw = run.machine.handled(), run.rows, Random(1)
    seeks, branches = [], []
    for _ in range(MOMENTS):
        _to_end(run)
        target = draw.randrange(events)
        started = time.process_time()
        assert run.seek(target)
        seeks.append(time.process_time() - started)
        _to_end(run)
        at = {"at": f"{draw.randrange(run.scenario.duration_ns)}ns", "do": "rate", "rate": "1gbit"}
        started = time.process_time()
        assert branch(run, one, at, ROWS_MAX).job is not None
        branches.append(time.process_time() - started)
    return (
        f"{events:>9,} {rows:>9,} {plain_s * 1e3:8.0f} {kept_s * 1e3:8.0f} {count:>6} {mib:6.1f}"
        f" {sum(seeks) / MOMENTS * 1e3:9.1f} {max(seeks) * 1e3:6.1f}"
        f" {sum(branches) / MOMENTS * 1e3:9.1f} {max(branches) * 1e3:6.1f}"
    )


def main() -> None:
    """Measure with and without a trace; a traced run ends at the most rows there may be."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    warm()
    print(
        "kind      trace    events      rows     ms  kept ms  count    MiB"
        "   seek mean    max  branch mean  max"
    )
    for kind in KINDS:
        for trace in (False, True):
            one = replace(job(kind, 120, events / EVENTS_A_SECOND), trace=trace)
            print(f"{kind:<10} {trace!s:<5}{measure(one)}", flush=True)


if __name__ == "__main__":
    main()
