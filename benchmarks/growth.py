"""How the cost of a packet grows with flows and with packets waiting: as the algorithm's own, no faster."""

from __future__ import annotations

import sys

from benchmarks.driver import measure
from benchmarks.workload import job
from sandbox.engine import prepare
from sandbox.machines.interface import Engine
from sandbox.machines.wasm import warm

FLOWS = (10, 100, 1_000)
BACKLOGS = (100, 1_000, 10_000, 100_000, 400_000)
REFERENCE_BACKLOG_MAX = 100_000


def cost_ns(engine: Engine, name: str, load: float, packets: int, **variant: int) -> float:
    """Return CPU nanoseconds per offered packet."""
    prepared = prepare(job(name, load, packets, 1, **variant), engine)  # type: ignore[arg-type]
    assert prepared.run is not None, [one.render() for one in prepared.diagnostics]
    result = measure(prepared.run)
    return result["cpu"] / result["packets"] * 1e9


def main() -> None:
    """Measure one engine, the wasm engine unless another is named."""
    engine = Engine(sys.argv[1]) if len(sys.argv) > 1 else Engine.WASM
    warm()
    least = 500_000 if engine is Engine.WASM else 50_000
    print(f"{'':6} {'flows':>8} {'ns/packet':>10}   {engine}")
    for name in ("fifo", "wfq"):
        for flows in FLOWS:
            spent = cost_ns(engine, name, 0.95, 2 * least, flows=flows)
            print(f"{name:6} {flows:8} {spent:10.0f}", flush=True)
    print(f"{'':6} {'backlog':>8} {'ns/packet':>10}")
    for name in ("fifo", "wfq"):
        for limit in BACKLOGS:
            if engine is Engine.WASM or limit <= REFERENCE_BACKLOG_MAX:
                spent = cost_ns(engine, name, 1.5, max(least, 5 * limit), limit=limit)
                print(f"{name:6} {limit:8} {spent:10.0f}", flush=True)


if __name__ == "__main__":
    main()
