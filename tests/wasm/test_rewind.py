"""Going back is invisible: rows, log and result are those of a run that never went back."""

from __future__ import annotations

import dataclasses
import os
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox import shelf
from sandbox.branch import Branched, branch
from sandbox.cli_inputs import beside
from sandbox.compare import play
from sandbox.engine import Run, prepare
from sandbox.machines import checkpoints
from sandbox.machines.checkpoints import BLANK
from sandbox.machines.interface import Engine
from sandbox.protocol import ROW, Job
from tests.wasm.random.job import random_job

EXAMPLES = int(os.environ.get("AGREE_EXAMPLES", "40")) // 3
SHIPPED = sorted(shelf.SCENARIOS.glob("*/*.toml"))
TIMES = st.integers(0, 1300)
SCENARIO = """
title = "two devices on one instance"
[device]
a = { rate = "4mbit", tx_queues = 2 }
b = { rate = "8mbit", delay = "1ms", loss = "1%" }
[program]
shared = "mine.qdisc.py"
[qdisc]
"a 1:" = { parent = "root", program = "shared" }
"b 1:" = { parent = "root", program = "shared" }
[flow]
x = { model = "poisson", rate = "5mbit", size = "imix", device = "a" }
y = { model = "onoff", on = "20ms", off = "20ms", rate = "9mbit", size = "700b", device = "b" }
[run]
duration = "1200ms"
seed = 3
[[event]]
at = "900ms"
do = "link-down"
device = "b"
[[event]]
at = "300ms"
do = "rate"
device = "a"
rate = "2mbit"
"""
PROGRAM = '''"""Mine."""

limit = Param(40, min=1, max=500, help="packets that may wait")
queue = SkbMap(max_entries=500)
seen = HashMap(max_entries=64)
total = 0


def enqueue(skb, ctx):
    global total
    total += 1
    seen.update(skb.hash & 31, total)
    if total % 500 == 0:
        trace("seen %d", total)
    if len(queue) >= limit or not queue.push(skb, skb.hash & 7):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()
'''
EVENTS: list[dict[str, Any]] = [
    {"do": "rate", "device": "a", "rate": "1mbit"},
    {"do": "link-down", "device": "a"},
    {"do": "link-up", "device": "a"},
    {"do": "flow", "flow": "x", "on": False},
    {"do": "flow", "flow": "y", "rate": "2mbit"},
    {"do": "burst", "flow": "y", "packets": 40, "size": "200b"},
    {"do": "param", "target": "shared", "name": "limit", "value": 3},
    {"do": "map-update", "target": "shared", "map": "seen", "key": 5, "value": 77},
    {"do": "map-update", "target": "shared", "map": "seen", "key": 6, "delete": True},
]
JOB = Job(scenario=SCENARIO, programs={"mine.qdisc.py": PROGRAM})


@pytest.fixture(autouse=True)
def close_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make short runs keep many checkpoints."""
    monkeypatch.setattr(checkpoints, "STRIDE", 700)
    monkeypatch.setattr(checkpoints, "STRIDE_PER_PAGE", 0)


def run_of(job: Job) -> Run:
    run = prepare(job, Engine.WASM, rewindable=True).run
    assert run is not None
    return run


def to_end(run: Run) -> tuple[bytes, list[dict[str, Any]], dict[str, Any]]:
    """Return the rows, log lines and result that are still to come."""
    data = bytearray()
    while not run.done:
        data += run.advance(300, 200)
    return bytes(data), run.log_since(), run.finished()


def assert_like_new(run: Run, job: Job) -> None:
    """Play a run that was taken back to its end; it must have the rows, log and result of a new one."""
    whole, log, finished = to_end(run_of(job))
    first = run.rows
    rows, more, result = to_end(run)
    assert rows == whole[first * ROW.size :]
    assert result == finished
    assert more == log[len(log) - len(more) :]


@pytest.mark.parametrize("trace", [False, True], ids=["digest", "trace"])
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_scenario_goes_on_as_if_it_had_never_gone_back(path: Path, trace: bool) -> None:
    data = path.read_bytes()
    programs, files = beside(path, data)
    job = Job(scenario=data.decode(), programs=programs, files=files, trace=trace)
    prepared = prepare(job, Engine.WASM, rewindable=True)
    if prepared.run is None:  # a scenario that shows a refusal
        return
    run, draw = prepared.run, Random(7)
    to_end(run)
    events = run.machine.handled()
    for _ in range(3):
        event = draw.randrange(events + 1)
        assert run.seek(event)
        assert run.done or run.machine.handled() == event
        run.log_since()
        assert_like_new(run, job)


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
def test_random_programs_go_on_as_if_they_had_never_gone_back(number: int) -> None:
    job = random_job(number)
    run = prepare(job, Engine.WASM, rewindable=True).run
    if run is None:
        return
    draw = Random(number)
    to_end(run)
    for _ in range(2):
        row = draw.randrange(run.rows + 1)
        assert run.rewind(lambda checkpoint, row=row: checkpoint.rows <= row)
        assert run.rows <= row
        assert_like_new(run, job)


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(EVENTS), TIMES, st.booleans()), min_size=1, max_size=5))
def test_a_branch_is_the_run_that_had_the_event_from_the_start(
    wishes: list[tuple[dict[str, Any], int, bool]],
) -> None:
    job, run = JOB, run_of(JOB)
    for wish, at_ms, to_its_end in wishes:
        while not run.done and (to_its_end or run.machine.now_ns() < at_ms * 1_000_000):
            run.advance(300, 200)
        run.log_since()
        branched = branch(run, job, {**wish, "at": f"{at_ms}ms"}, run.rows)
        assert branched.diagnostics == ()
        assert branched.job is not None
        job = branched.job
        assert_like_new(run, job)
    reference = play(job, Engine.REFERENCE)
    assert reference is not None and reference.finished == run.finished()


REFUSED = [
    ({"at": "1ms", "do": "rate", "device": "c", "rate": "1mbit"}, "unknown-device"),
    (
        {"at": "1ms", "do": "param", "target": "shared", "name": "limit", "value": 0},
        "parameter-value",
    ),
    ({"at": "soon", "do": "link-down", "device": "a"}, "bad-value"),
]


@pytest.mark.parametrize(("event", "slug"), REFUSED)
def test_an_event_that_cannot_be_leaves_the_run_as_it_was(event: dict[str, Any], slug: str) -> None:
    run = run_of(JOB)
    rows = run.advance(5000)
    branched = branch(run, JOB, event, run.rows)
    assert branched.job is None
    assert [one.slug for one in branched.diagnostics] == [slug]
    whole, _, finished = to_end(run_of(JOB))
    assert rows + to_end(run)[0] == whole
    assert run.finished() == finished


def test_an_event_with_parts_of_its_own_is_for_a_new_run() -> None:
    run = run_of(JOB)
    run.advance(5000)
    event = {"at": "1ms", "do": "tc", "tc": "tc qdisc replace dev a root handle 7: pfifo limit 5"}
    assert branch(run, JOB, event, run.rows) == Branched(None)


def test_checkpoints_keep_to_their_budget_and_lie_evenly() -> None:
    run = run_of(dataclasses.replace(JOB, duration="20s"))
    assert run.history is not None
    kept = run.history.checkpoints
    kept.budget_bytes = 1 << 20
    while not run.done:
        run.advance(1000)
        pages = {
            id(page): len(page) for one in kept.kept for page in one.pages if page is not BLANK
        }
        assert sum(pages.values()) <= kept.budget_bytes
    assert len(kept.kept) > 4
    gaps = [b.work - a.work for a, b in pairwise([*kept.kept[1:]])]
    assert max(gaps) <= 3 * min(gaps)


def test_a_run_that_keeps_nothing_stays_where_it_is() -> None:
    run = prepare(JOB, Engine.WASM).run
    assert run is not None
    run.advance(5000, 300)
    assert not run.seek(100)
    assert run.machine.handled() == 300
    assert run.seek(400)
    assert run.machine.handled() == 400
