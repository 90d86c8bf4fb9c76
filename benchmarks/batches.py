"""What a point of a batch costs: python -m benchmarks.batches [POINTS] prints points a second by places.

First on the local pool, then on a Dask cluster of as many workers with one place each.
python -m benchmarks.batches many [POINTS] computes 100,000 in ten batches and prints what has grown.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tests.backend.clusters import cluster_of
from tests.backend.service import Service, service

SCENARIO = """title = "One queue"
device = { rate = "1mbit" }
run = { duration = "200ms", seed = 1 }
[qdisc]
"1:" = { kind = "pfifo", limit = 20 }
[flow]
bulk = { model = "poisson", rate = "1.5mbit", size = "500b" }
"""


COSTS = "points/s  service/ms  workers/ms service/MiB zygote/MiB"


def memory_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def cpu_s(pid: int) -> float:
    """Return processor seconds of a process and of the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / 100


def computed(served: Service, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Compute a batch; return its last state, and points a second with the service's and the workers' ms a point."""
    zygote = served.zygote()
    before = cpu_s(served.process.pid), cpu_s(zygote)
    started = time.monotonic()
    state = httpx.post(f"{served.url}api/batches", json=body, timeout=60).json()
    while state["state"] in ("queued", "running"):
        time.sleep(0.1)
        state = httpx.get(f"{served.url}api/batches/{state['id']}", timeout=60).json()
    points = state["count"]
    assert (state["done"], state["failed"], state["cached"]) == (points, 0, 0)
    pace = points / (time.monotonic() - started)
    service_ms = (cpu_s(served.process.pid) - before[0]) / points * 1e3
    workers_ms = (cpu_s(zygote) - before[1]) / points * 1e3
    return state, f"{pace:8.0f} {service_ms:11.1f} {workers_ms:11.1f}"


def memory(served: Service) -> str:
    """Return the MiB of the service and of its zygote."""
    return f"{memory_mib(served.process.pid):11.0f} {memory_mib(served.zygote()):10.0f}"


def measure(workers: int, points: int, **settings: object) -> None:
    """Compute one batch in so many places and print what a point cost."""
    with service(batch_workers=workers, **settings) as served:
        state, costs = computed(served, {"scenario": SCENARIO, "seeds": points})
        print(f"{state['executor']:8} {workers:7} {points:7} {costs} {memory(served)}", flush=True)


def measure_growth(points: int) -> None:
    """Compute ten batches, one after the other, of so many points in all; print pace and memory after each."""
    with tempfile.TemporaryDirectory() as state_dir, service(state_dir=state_dir) as served:
        print(f"points {COSTS} descriptors store/MiB")
        some = points // 10
        for tenth in range(10):
            body = {"scenario": SCENARIO, "seeds": some, "seed": 1 + tenth * some}
            _, costs = computed(served, body)
            descriptors = len(list(Path(f"/proc/{served.process.pid}/fd").iterdir()))
            store = sum(one.stat().st_size for one in Path(state_dir).glob("store.sqlite*"))
            print(
                f"{some * (tenth + 1):6} {costs} {memory(served)} {descriptors:11} "
                f"{store / 2**20:9.0f}",
                flush=True,
            )


def main() -> None:
    if sys.argv[1:2] == ["many"]:
        measure_growth(int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
        return
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"executor workers  points {COSTS}")
    for workers in (1, 2):
        measure(workers, points)
    for workers in (1, 2):
        with cluster_of(workers) as cluster:
            measure(workers, points, scheduler=cluster.address)


if __name__ == "__main__":
    main()
