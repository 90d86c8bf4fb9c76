"""Without a trace, memory does not grow with the number of packets."""

from __future__ import annotations

import pytest

from sandbox.build.programs import library_texts
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
