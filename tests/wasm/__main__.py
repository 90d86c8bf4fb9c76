"""The long comparison: python -m tests.wasm COUNT [FIRST] plays random jobs FIRST, FIRST + 1, … on both engines.

All cores take part. What differs is printed by its number: `random_job(NUMBER)` is that job again.
"""

from __future__ import annotations

import collections
import functools
import multiprocessing
import sys

from sandbox.build import programs
from sandbox.compare import differences, play
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import forget
from tests.wasm.random import writer
from tests.wasm.random.job import random_job

REPORT_JOBS = 1_000
TEXTS_KEPT = 4


def share_checks() -> None:
    """Have the writer of a program and both engines share what the checker says of a text."""
    checked = functools.lru_cache(TEXTS_KEPT)(programs.check)
    for module in (programs, writer):
        setattr(module, "check", checked)  # noqa: B010


def compare(number: int) -> tuple[int, str, list[str]]:
    """Return a job's number, how it ended, and what differs between the engines."""
    job = random_job(number)
    try:
        reference = play(job, Engine.REFERENCE)
        if reference is None:
            return number, "refused", []
        found = differences(reference, play(job, Engine.WASM))
        return number, str(reference.finished["outcome"]), [str(one) for one in found]
    except Exception as mistake:
        return number, "mistake", [repr(mistake)]
    finally:
        forget()


def main(count: int, first: int) -> int:
    """Compare so many jobs; return 1 when any differs."""
    outcomes: collections.Counter[str] = collections.Counter()
    wrong = 0
    with multiprocessing.Pool(None, share_checks, maxtasksperchild=REPORT_JOBS) as pool:
        for number, outcome, found in pool.imap_unordered(compare, range(first, first + count), 20):
            outcomes[outcome] += 1
            if found:
                wrong += 1
                print(f"job {number} differs:", *found[:3], sep="\n  ", flush=True)
            if outcomes.total() % REPORT_JOBS == 0:
                print(outcomes.total(), dict(outcomes), flush=True)
    print(f"{outcomes.total()} jobs, {wrong} differ:", dict(outcomes))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
