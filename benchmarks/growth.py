"""How the cost of a packet grows with flows and with packets waiting: as the algorithm's own, no faster."""

from __future__ import annotations

from benchmarks.driver import measure
from benchmarks.workload import job
from sandbox.engine import prepare


def cost_ns(name: str, load: float, packets: int, **variant: int) -> float:
    """Return CPU nanoseconds per offered packet."""
    prepared = prepare(job(name, load, packets, 1, **variant))  # type: ignore[arg-type]
    assert prepared.run is not None, [one.render() for one in prepared.diagnostics]
    result = measure(prepared.run)
    return result["cpu"] / result["packets"] * 1e9


def main() -> None:
    print(f"{'':6} {'flows':>8} {'ns/packet':>10}")
    for name in ("fifo", "wfq"):
        for flows in (10, 100, 1000):
            print(
                f"{name:6} {flows:8} {cost_ns(name, 0.95, 100_000, flows=flows):10.0f}", flush=True
            )
    print(f"{'':6} {'backlog':>8} {'ns/packet':>10}")
    for name in ("fifo", "wfq"):
        for limit in (100, 1_000, 10_000, 100_000):
            packets = max(50_000, 5 * limit)
            print(
                f"{name:6} {limit:8} {cost_ns(name, 1.5, packets, limit=limit):10.0f}", flush=True
            )


if __name__ == "__main__":
    main()
