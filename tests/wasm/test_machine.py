"""The wasm machine: faults, wraps, memory, checkpoints, reading back in the middle, and the lock."""

from __future__ import annotations

import gc
import os
import signal
import socket
from collections.abc import Callable

import pytest

from sandbox.compare import differences, play
from sandbox.compiler.wasm import host, program_scope
from sandbox.engine import Run, prepare
from sandbox.lockdown import Limits, forbid_code, lock
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import forget
from sandbox.protocol import Job, Outcome

SCENARIO = """
title = "t"
device = { rate = "8mbit" }
run = { duration = "SPAN", seed = 3 }
[qdisc]
"1:" = { program = "mine.qdisc.py" }
[flow]
a = { model = "poisson", rate = "9mbit", size = "imix" }
b = { model = "cbr", rate = "3mbit", size = "700b" }
"""
PROGRAM = '''"""Mine."""

queue = SkbMap(max_entries=50)
total = 0


def enqueue(skb, ctx):
    global total
BODY
    if not queue.push(skb, skb.hash & 7):
        return DROP
    return QUEUED


def dequeue(ctx):
    return queue.pop()
'''


def job(body: str = "    total += 1", span: str = "100ms", trace: bool = False) -> Job:
    text = PROGRAM.replace("BODY", body)
    scenario = SCENARIO.replace("SPAN", span)
    return Job(scenario=scenario, programs={"mine.qdisc.py": text}, files={}, trace=trace)


def run_of(one: Job) -> Run:
    run = prepare(one, Engine.WASM).run
    assert run is not None
    return run


FAULTS = {
    "division-by-zero": "    total += 1\n    skb.mark = 7 // (total - 3)",
    "index-out-of-range": "    skb.cb[total] = 1\n    total += 1",
    "negative-rank": "    total += 1\n    if total > 5:\n        if not queue.push(skb, 5 - total):\n"
    "            return DROP\n        return QUEUED",
    "load-out-of-range": "    total = skb.load_u32(skb.len - 3)",
    "fuel-call": "    while total >= 0:\n        total += 1",
    "log-limit": '    for i in range(5000):\n        trace("%d", i)',
}


@pytest.mark.parametrize("slug", FAULTS)
def test_a_fault_has_the_line_and_text_of_the_reference(slug: str) -> None:
    one = job(FAULTS[slug], trace=True)
    reference = play(one, Engine.REFERENCE)
    assert reference is not None
    assert reference.finished["fault"]["slug"] == slug
    assert differences(reference, play(one, Engine.WASM)) == []


WRAPS = {
    "sum": "total = total + 9000000000000000000",
    "difference": "total = total - 9000000000000000000",
    "product": "total = (total + 3037000500) * (total + 3037000500)",
    "shift": "total = (total + 3) << 62",
    "negation": "total = -(total + 9223372036854775807 + 1)",
    "magnitude": "total = abs(total - 9223372036854775807 - 1)",
    "quotient": "total = (total - 9223372036854775807 - 1) // min(-1, total)",
}


@pytest.mark.parametrize("large", [False, True], ids=["written out", "called"])
@pytest.mark.parametrize("name", WRAPS)
def test_a_wrap_is_logged_once_a_line(
    name: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(program_scope, "LARGE_NODES", 0)
    forget()
    one = job(f"    {WRAPS[name]}")
    reference = play(one, Engine.REFERENCE)
    assert reference is not None
    assert any("wrapped" in entry["text"] for entry in reference.log), name
    assert differences(reference, play(one, Engine.WASM)) == []
    forget()


def test_a_map_that_outgrows_memory_ends_the_run_with_what_was_computed() -> None:
    flood = "    for i in range(9000):\n        total += 1\n        m.update(total * 64, total)\n"
    one = job(flood, span="20s")
    text = one.programs["mine.qdisc.py"].replace(
        "total = 0", "m = HashMap(max_entries=1000000)\ntotal = 0"
    )
    run = run_of(
        Job(scenario=one.scenario, programs={"mine.qdisc.py": text}, files={}, trace=False)
    )
    while not run.done:
        run.advance(1)
    assert run.finished()["outcome"] in ("limit-memory", "limit-fuel")
    assert run.finished()["statistics"]["flows"]["a"]["sent"] > 0


def test_progress_log_and_maps_can_be_read_in_the_middle() -> None:
    run = run_of(job('    trace("seen %d", skb.len)\n    total += 1', trace=True))
    run.advance(100)
    assert not run.done
    assert run.progress()["packets"] > 10
    assert run.log_since()[0]["text"].startswith("seen ")
    before = run.dumps()
    assert before[0]["globals"]["total"] > 10
    while not run.done:
        run.advance(1000)
    reference = play(
        job('    trace("seen %d", skb.len)\n    total += 1', trace=True), Engine.REFERENCE
    )
    assert reference is not None and run.finished()["digest"] == reference.finished["digest"]


def in_locked_process(work: Callable[[], bytes]) -> tuple[bytes, int]:
    """Run `work` in a process locked as a worker that compiles; return what it says and how it ends."""
    host.warm()
    gc.collect()  # runs of other tests hold address space
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    with ours, theirs:
        return _forked(work, ours, theirs, parent)


def _forked(
    work: Callable[[], bytes], ours: socket.socket, theirs: socket.socket, parent: int
) -> tuple[bytes, int]:
    pid = os.fork()
    if pid == 0:
        os.dup2(theirs.fileno(), 0)
        lock(Limits(cpu_ms=20_000, memory_bytes=16 << 30), parent, compiling=True)
        try:
            said = work()
        except BaseException as problem:
            said = repr(problem).encode()
        os.write(0, said)
        os._exit(0)
    theirs.close()
    _, status = os.waitpid(pid, 0)
    return ours.recv(65536), os.waitstatus_to_exitcode(status)


def test_a_locked_worker_compiles_then_runs_under_the_strict_filter() -> None:
    one = job()
    reference = play(one, Engine.REFERENCE)
    assert reference is not None

    def work() -> bytes:
        run = run_of(one)
        forbid_code()
        while not run.done:
            run.advance(65536)
        return str(run.finished()["digest"]).encode()

    assert in_locked_process(work) == (reference.finished["digest"].encode(), 0)


def test_no_machine_code_is_made_under_the_strict_filter() -> None:
    def work() -> bytes:
        forbid_code()
        run_of(job("    total += 12345"))
        return b"compiled"

    assert in_locked_process(work) == (b"", -signal.SIGSYS)


def test_a_full_trace_ends_both_engines_at_the_same_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.engine.ROWS_MAX", 500)
    one = job(trace=True)
    reference = play(one, Engine.REFERENCE)
    assert reference is not None and reference.finished["outcome"] == "limit-output"
    assert differences(reference, play(one, Engine.WASM)) == []


def test_too_many_packets_end_both_engines_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.engine.PACKETS_MAX_UNTRACED", 50)
    reference = play(job(), Engine.REFERENCE)
    assert reference is not None and reference.finished["fault"]["slug"] == "too-many-packets"
    assert differences(reference, play(job(), Engine.WASM)) == []


def test_a_run_that_is_ended_early_gives_what_was_computed() -> None:
    results = []
    for engine in Engine:
        run = prepare(job(span="5s", trace=True), engine).run
        assert run is not None
        run.advance(300)
        run.end(Outcome.CANCELLED)
        results.append(run.finished())
    assert results[0] == results[1]
    assert results[0]["truncated"]


def test_a_retired_qdisc_of_the_same_handle_still_runs() -> None:
    """Two qdiscs take handle 7: in turn; once only the later one had its functions."""
    text = job().scenario + "".join(
        f'[[event]]\nat = "{at}ms"\ndo = "tc"\n'
        'tc = "qdisc replace dev eth0 root handle 7: pfifo limit 5"\n'
        for at in (0, 20)
    )
    one = Job(scenario=text, programs=job().programs, files={}, trace=True)
    assert differences(play(one, Engine.REFERENCE), play(one, Engine.WASM)) == []
