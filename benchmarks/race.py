"""Our engine beside its peers: one table in one run, packets per CPU-second and the ratio to the C loop."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
FULL = ("fifo", "prio", "drr", "wfq")


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody to race: a command that takes WORKLOAD LOAD NPACKETS SEED and prints one JSON line."""

    name: str
    command: tuple[str, ...]
    workloads: tuple[str, ...]
    packets: int
    extra: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def peers(python: str, work: Path) -> list[Peer]:
    """Return the peers that can run here, lower bounds first."""
    found = []
    base = work / "base"
    if shutil.which("gcc") and _build(
        ["gcc", "-O2", "-o", str(base), str(HERE / "peers/base.c"), "-lm"]
    ):
        found.append(Peer("C loop (gcc -O2)", (str(base),), FULL, 3_000_000))
    if node := shutil.which("node"):
        script = str(HERE / "peers/js_heap.mjs")
        found.append(Peer("JavaScript loop", (node, script), ("fifo", "drr", "wfq"), 2_000_000))
    ns3 = work / "ns3"
    libraries = [
        f"-lns3-{m}" for m in ("traffic-control", "internet", "point-to-point", "network", "core")
    ]
    source = str(HERE / "peers/ns3_driver.cc")
    if Path("/usr/include/ns3").exists() and _build(
        ["g++", "-O2", "-std=c++17", source, "-o", str(ns3), *libraries]
    ):
        found.append(Peer("ns-3 core", (str(ns3), "core"), ("fifo", "prio", "drr"), 1_000_000))
    script = str(HERE / "peers/py_heapq.py")
    found.append(Peer("Python heapq loop", (python, script), FULL, 200_000))
    for module, name, file, workloads in (
        ("simpy", "SimPy minimal", "simpy_min.py", ("fifo",)),
        ("ns.scheduler.drr", "ns.py", "ns_py.py", FULL),
    ):
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0:
            found.append(Peer(name, (python, str(HERE / "peers" / file)), workloads, 100_000))
    return found


def _build(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def measure(peer: Peer, workload: str, load: str, repetitions: int) -> dict[str, float] | None:
    """Return the medians of some runs with seeds 1, 2, …"""
    results = []
    for seed in range(1, repetitions + 1):
        command = [*peer.command, workload, load, str(peer.packets), str(seed), *peer.extra]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **peer.environment},
        )
        if done.returncode:
            print(f"{peer.name} {workload} {load}: {done.stderr.strip()[-200:]}", file=sys.stderr)
            return None
        results.append(json.loads(done.stdout.splitlines()[-1]))
    middle = {key: statistics.median(r[key] for r in results) for key in results[0]}
    middle["speed"] = statistics.median(r["packets"] / r["cpu"] for r in results)
    return middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--python", default=sys.executable, help="a Python with SimPy and ns.py")
    parser.add_argument("--flows", type=int, default=8)
    parser.add_argument("--mixed", action="store_true", help="64, 576 and 1514 bytes")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    extra = (f"flows={args.flows}", f"mixed={int(args.mixed)}", f"devices={args.devices}")
    driver = (sys.executable, "-m", "benchmarks.driver")
    here = {"PYTHONPATH": str(ROOT)}
    ours = [
        Peer("playground, wasm", driver, FULL, 2_000_000, (*extra, "wasm=1"), here),
        Peer("playground, reference", driver, FULL, 100_000, extra, here),
    ]
    plain = extra == ("flows=8", "mixed=0", "devices=1")
    rows = []
    with tempfile.TemporaryDirectory() as work:
        runners = [*(peers(args.python, Path(work)) if plain else []), *ours]
        head = ("load", "packets/CPU-s", "of C", "delivered", "delay µs", "RSS MB")
        print(" " * 30, "{:>5} {:>14} {:>8} {:>9} {:>9} {:>7}".format(*head))
        for workload in FULL:
            for load in ("0.95", "1.3"):
                bound = 0.0
                for peer in runners:
                    if workload not in peer.workloads:
                        continue
                    result = measure(peer, workload, load, args.repetitions)
                    if result is None:
                        continue
                    bound = bound or result["speed"]
                    share = result["delivered"] / result["packets"]
                    print(
                        f"{peer.name:24} {workload:5} {load:>5} {result['speed']:14,.0f} "
                        f"{result['speed'] / bound:8.4f} {share:9.3f} "
                        f"{result['mean_delay_us']:9.1f} {result['rss_mb']:7.1f}",
                        flush=True,
                    )
                    rows.append({"peer": peer.name, "workload": workload, "load": load, **result})
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
