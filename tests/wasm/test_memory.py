"""Without a trace, memory does not grow with the number of packets, and little with those that wait."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from sandbox.build.programs import library_texts
from sandbox.compare import differences, play
from sandbox.engine import prepare
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import WasmMachine
from sandbox.protocol import Job

FULL_NS = 400_000_000  # by then the longest queue of the library, 10,240 packets, is full
LIBRARY = sorted(library_texts())


def job(kind: str) -> Job:
    """Return a run at 1.3 times what the link carries: queues fill, and packets are dropped all the time."""
    flows = [
        f'f{i} = {{ model = "poisson", rate = "162500kbit", size = "1000b", deadline = "5ms" }}'
        for i in range(8)
    ]
    lines = ['title = "m"', 'device = { rate = "1gbit" }', 'run = { duration = "700ms" }']
    return Job(
        scenario="\n".join([*lines, "[qdisc]", f'"1:" = {{ kind = "{kind}" }}', "[flow]", *flows]),
        trace=False,
    )


@pytest.mark.parametrize("kind", LIBRARY)
def test_memory_is_flat_once_queues_are_full(kind: str) -> None:
    run = prepare(job(kind), Engine.WASM).run
    assert run is not None
    machine = run.machine
    assert isinstance(machine, WasmMachine)
    while machine.now_ns() < FULL_NS:
        run.advance(1)
    full = machine.used_bytes()
    while not run.done:
        run.advance(1)
    assert run.progress()["packets"] > 100_000
    assert machine.used_bytes() == full


SHAPES = {
    "list": ("queue.push(skb, 0)", "queue.pop()"),
    "heap": ("queue.push(skb, (skb.hash ^ skb.mark * 77) & 1023)", "queue.pop()"),
    "tree": ("queue.push(skb, (skb.hash ^ skb.mark * 77) & 1023)", "queue.pop_last()"),
}
DEEP = '''"""Many wait."""

queue = SkbMap(max_entries=1000000)
seen = 0


def enqueue(skb, ctx):
    global seen
    seen += 1
    skb.mark = seen * seen
    if not PUSH:
        return DROP
    return QUEUED


def dequeue(ctx):
    return POP
'''


def deep(shape: str, duration: str) -> Job:
    push, pop = SHAPES[shape]
    text = DEEP.replace("PUSH", push).replace("POP", pop)
    made = job("pfifo")
    scenario = made.scenario.replace('kind = "pfifo"', 'program = "deep.qdisc.py"')
    scenario = scenario.replace("162500kbit", "1gbit")
    return Job(scenario=scenario, programs={"deep.qdisc.py": text}, duration=duration, trace=False)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_first_of_many_packets_are_shown_alike(shape: str) -> None:
    one = deep(shape, "4ms")
    reference = play(one, Engine.REFERENCE)
    assert reference is not None
    assert reference.finished["maps"][0]["maps"][0]["length"] > 3_000
    assert differences(reference, play(one, Engine.WASM)) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_packets_that_wait_cost_memory_of_the_machine_and_no_more(shape: str) -> None:
    run = prepare(deep(shape, "300ms"), Engine.WASM).run
    assert run is not None
    while not run.done:
        run.advance(1)
    machine = run.machine
    most_bytes = tracemalloc_bytes(machine.read)
    maps = run.dumps()[0]["maps"][0]
    assert maps["length"] > 200_000
    assert len(maps["entries"]) == 1_000
    assert most_bytes < 32 << 20


def tracemalloc_bytes(act: Callable[[], object]) -> int:
    """Return the most memory that Python's objects take while something is done."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
