"""How fast the engines are: python -m benchmarks.engines [SECONDS] prints packets per CPU-second and time to start.

Eight Poisson flows of 1000-byte packets on 1 Gbit/s, no trace, full model: headers, statistics, counters, digest.
"""

from __future__ import annotations

import sys
import time

from sandbox.build.programs import library_text
from sandbox.engine import prepare
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import forget, warm
from sandbox.protocol import Job

FLOWS = 8
LOADS_PERCENT = (95, 130)
KINDS = ("pfifo", "prio", "drr", "stfq", "fq_codel")


def job(kind: str, load_percent: int, seconds: float) -> Job:
    """Return a job; drr has a class and a filter for each flow. The text is new, so nothing is compiled yet."""
    lines = ['title = "b"', 'device = { rate = "1gbit" }']
    lines += [f'run = {{ duration = "{int(seconds * 1000)}ms", seed = 1 }}']
    lines += ["[qdisc]", '"1:" = { program = "mine.qdisc.py" }', "[flow]"]
    rate = f"{load_percent * 10_000 // FLOWS}kbit"
    lines += [
        f'f{i} = {{ model = "poisson", rate = "{rate}", size = "1000b" }}' for i in range(FLOWS)
    ]
    if kind == "drr":
        lines += ["[class]", *(f'"1:{i + 1}" = {{ parent = "1:" }}' for i in range(FLOWS))]
        for i in range(FLOWS):
            lines += ["[[filter]]", 'parent = "1:"', f'match = {{ flow = "f{i}" }}']
            lines += [f'classid = "1:{i + 1}"']
    text = f"{library_text(kind)}\n# at {load_percent} percent\n"
    return Job(scenario="\n".join(lines), programs={"mine.qdisc.py": text}, files={}, trace=False)


def measure(one: Job, engine: Engine) -> tuple[float, float]:
    """Return (packets per CPU-second, milliseconds from text to a run that stands ready)."""
    forget()
    started = time.process_time()
    run = prepare(one, engine).run
    ready_ms = (time.process_time() - started) * 1e3
    assert run is not None
    started = time.process_time()
    while not run.done:
        run.advance(1)
    return run.progress()["packets"] / (time.process_time() - started), ready_ms


def main() -> None:
    """Measure everything once; the short runs of the reference engine are a tenth as long."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    warm()
    print("kind       load   wasm M/s   text to ready ms   reference M/s")
    for kind in KINDS:
        for load in LOADS_PERCENT:
            fast, ready_ms = measure(job(kind, load, seconds), Engine.WASM)
            slow, _ = measure(job(kind, load, seconds / 10), Engine.REFERENCE)
            print(
                f"{kind:<10} {load / 100:.2f} {fast / 1e6:10.2f} {ready_ms:18.1f} {slow / 1e6:15.3f}"
            )


if __name__ == "__main__":
    main()
