"""The long comparison: python -m tests.wasm SECONDS [SEED] runs random jobs on both engines and counts them."""

from __future__ import annotations

import collections
import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from sandbox.compare import differences, play
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import forget
from sandbox.protocol import Job
from tests.wasm.jobs import jobs

REPORT_JOBS = 50


def main(seconds: float, number: int) -> int:
    """Compare until the time is over or a job differs; return the exit status."""
    ends = time.monotonic() + seconds
    outcomes: collections.Counter[str] = collections.Counter()

    @seed(number)
    @settings(
        deadline=None,
        max_examples=10**6,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(jobs())
    def compare(job: Job) -> None:
        if time.monotonic() > ends:
            raise KeyboardInterrupt
        reference = play(job, Engine.REFERENCE)
        outcome = "refused" if reference is None else str(reference.finished["outcome"])
        if reference is not None:
            found = differences(reference, play(job, Engine.WASM))
            assert found == [], found
        forget()
        outcomes[outcome] += 1
        if outcomes.total() % REPORT_JOBS == 0:
            print(outcomes.total(), dict(outcomes), flush=True)

    try:
        compare()
    except KeyboardInterrupt:
        print("agreed on all:", outcomes.total(), dict(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
