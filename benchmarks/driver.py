"""One measurement of our engine: `driver.py WORKLOAD LOAD NPACKETS SEED [key=value …]` prints one JSON line."""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from benchmarks.workload import job
from sandbox.engine import Run, prepare
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import warm


def measure(run: Run) -> dict[str, float]:
    """Run to the end and return packets, times and what became of the packets."""
    gc.collect()
    gc.freeze()
    gc.disable()  # as a worker does: nothing cyclic dies during a run
    wall, cpu = time.perf_counter(), time.process_time()
    while not run.done:
        run.advance(1)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert run.fault is None, run.fault
    result = run.finished()["statistics"]["total"]
    delay = [source.stats.delay for source in run.sim.sources]
    count = sum(histogram.count() for histogram in delay)
    return {
        "packets": result["sent"],
        "wall": wall,
        "cpu": cpu,
        "delivered": result["received"],
        "dropped": result["drops"],
        "mean_delay_us": sum(histogram.total for histogram in delay) / max(1, count) / 1e3,
        "rss_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    name, load, packets, seed, *rest = sys.argv[1:]
    options = {key: int(value) for key, value in (item.split("=") for item in rest)}
    made = job(
        name,
        float(load),
        int(packets),
        int(seed),
        flows=options.get("flows", 8),
        mixed=bool(options.get("mixed", 0)),
        devices=options.get("devices", 1),
        limit=options.get("limit", 1000),
    )
    engine = Engine.WASM if options.get("wasm", 0) else Engine.REFERENCE
    if engine is Engine.WASM:
        warm()  # as a zygote has done before it forks a worker
    prepared = prepare(made, engine)
    if prepared.run is None:
        sys.exit("\n".join(one.render() for one in prepared.diagnostics))
    print(json.dumps(measure(prepared.run)))


if __name__ == "__main__":
    main()
