"""python -m benchmarks.load browsers|hostile|churn: a real service on this machine under load, on loopback only.

browsers: so many people who run, look and run again. hostile: people, and as many who attack. churn: runs one
after the other, and what they leave behind.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.load.browsers import ATTACKS, Tally, attack, browse, opened, run_once
from tests.backend.service import Service, children, descriptors_of, service

SETTLE_S = 1.0
# Nobody has used anything yet when all arrive at once, so all are equal; `later` leaves that out.
FIRST_RUSH_S = 10.0
PER_MINUTE = {
    "sockets_per_minute": 120,
    "runs_per_minute": 60,
    "checks_per_minute": 240,
}  # the defaults


def quantile(values: Sequence[float], fraction: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))] if ordered else float("nan")


def jain(values: Sequence[float]) -> float:
    """Return 1 when all got the same, 1/n when one got all."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else float("nan")


def processes(running: Service) -> list[int]:
    """Return the service, its zygote and the workers that live now."""
    found = [running.pid]
    for pid in found:
        try:
            found += children(pid)
        except OSError:
            continue
    return found


def memory_mib(pids: Sequence[int]) -> float:
    """Return the memory of these processes, what they share counted once."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(text.split("Pss:")[1].split()[0])
    return total / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


async def watch(running: Service, until_s: float) -> float:
    """Return the most memory that was seen."""
    most = 0.0
    while time.perf_counter() < until_s:
        most = max(most, memory_mib(processes(running)))
        await asyncio.sleep(1)
    return most


async def crowd(
    running: Service, good: int, bad: int, seconds: float, think_s: float, kinds: Sequence[str]
) -> None:
    """Let them all loose and print one line of results."""
    idle_mib = memory_mib(processes(running))
    before_s = cpu_s(running.pid)
    until_s = time.perf_counter() + seconds
    tallies = [Tally() for _ in range(good)]
    people = [
        browse(running.host, f"198.51.{at // 250}.{at % 250 + 1}", tally, until_s, "500ms", think_s)
        for at, tally in enumerate(tallies)
    ]
    # In a process of their own, so that what they cost is not taken for the service's slowness.
    command = ["nice", sys.executable, "-m", "benchmarks.load", "attack", running.host]
    attackers = await asyncio.create_subprocess_exec(
        *command, f"--counts={bad}", f"--seconds={seconds}", "--kinds", *kinds
    )
    most_mib, *_ = await asyncio.gather(watch(running, until_s), *people)
    await attackers.wait()
    began_s = until_s - seconds + FIRST_RUSH_S
    starts = [took_s for tally in tallies for _, took_s in tally.starts]
    later = [took_s for tally in tallies for when_s, took_s in tally.starts if when_s > began_s]
    frames, rows = (sum(getattr(t, name) for t in tallies) for name in ("frames", "rows"))
    print(
        f"| {good} | {bad} | {sum(t.runs for t in tallies)} | {sum(t.failed for t in tallies)} "
        f"| {quantile(starts, 0.5) * 1e3:.0f} | {quantile(starts, 0.99) * 1e3:.0f} | {quantile(later, 0.99) * 1e3:.0f} "
        f"| {frames / seconds:.0f} | {rows / seconds:,.0f} | {(most_mib - idle_mib) / max(1, good + bad):.2f} "
        f"| {jain([t.runs for t in tallies]):.3f} | {(cpu_s(running.pid) - before_s) / seconds:.2f} |",
        flush=True,
    )


HEAD = """| people | attackers | runs | failed | p50 ms | p99 ms | later | frames/s | rows/s | MiB each | Jain | CPU |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def load(
    counts: Sequence[int],
    bad: int,
    seconds: float,
    think_s: float,
    engine: str,
    kinds: Sequence[str],
) -> None:
    """Measure each crowd on a fresh service; every client has an address of its own."""
    print(f"load average {os.getloadavg()[0]:.1f} before, {os.cpu_count()} cores, engine {engine}")
    print(HEAD)
    for count in counts:
        with service(proxies="127.0.0.1", engine=engine, **PER_MINUTE) as running:
            zygote = running.zygote()
            asyncio.run(crowd(running, count, bad, seconds, think_s, kinds))
            time.sleep(SETTLE_S)
            health = running.health()
            assert running.process.poll() is None, "the service ended"
            assert running.zygote() == zygote, "the zygote was replaced"
            assert health["status"] == "ok"
            left = {name: health[name] for name in ("live_runs", "waiting_runs", "sockets")}
            print(
                f"afterwards: the same service and zygote, {left}, workers {len(running.workers())}"
            )


async def attackers(host: str, count: int, seconds: float, kinds: Sequence[str]) -> None:
    """Be so many attackers."""
    until_s = time.perf_counter() + seconds
    works = (
        attack(host, f"203.0.113.{at + 1}", kinds[at % len(kinds)], until_s) for at in range(count)
    )
    await asyncio.gather(*works)


async def churn(running: Service, runs: int, abreast: int) -> None:
    """Make so many runs, and print what the service holds ten times on the way."""

    async def some(at: int, count: int) -> None:
        tally = Tally()
        for number in range(0, count, 10):
            async with opened(running.host, f"198.51.100.{at + 1}") as socket:
                for each in range(min(10, count - number)):
                    await run_once(socket, each, "20ms", tally)
        assert tally.failed == 0

    print(
        "| runs | service MiB | zygote MiB | descriptors | zygote's | processes |\n|---|---|---|---|---|---|"
    )
    done = 0
    for part in range(11):
        pids = processes(running)
        zygote = running.zygote()
        print(
            f"| {done} | {memory_mib([running.pid]):.1f} | {memory_mib([zygote]):.1f} "
            f"| {descriptors_of(running.pid)} | {descriptors_of(zygote)} | {len(pids)} |",
            flush=True,
        )
        if part < 10:
            await asyncio.gather(*(some(at, runs // 10 // abreast) for at in range(abreast)))
            done += runs // 10 // abreast * abreast
            await asyncio.sleep(SETTLE_S)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("mode", choices=("browsers", "hostile", "churn", "attack"))
    parser.add_argument("host", nargs="?", help="HOST:PORT to attack")
    parser.add_argument("--seconds", type=float, help="60 for browsers, 600 for hostile")
    parser.add_argument("--think", type=float, default=10.0, help="seconds between a person's runs")
    parser.add_argument(
        "--counts", type=int, nargs="+", help="30 100 300 for browsers, 50 for hostile"
    )
    parser.add_argument("--runs", type=int, default=10_000, help="of churn")
    parser.add_argument("--kinds", nargs="+", choices=list(ATTACKS), default=list(ATTACKS))
    parser.add_argument("--engine", choices=("reference", "wasm"), default="wasm")
    chosen = parser.parse_args()
    match chosen.mode:
        case "browsers":
            counts = chosen.counts or (30, 100, 300)
            load(counts, 0, chosen.seconds or 60, chosen.think, chosen.engine, chosen.kinds)
        case "hostile":
            counts, seconds = chosen.counts or (50,), chosen.seconds or 600
            load(counts, 0, min(60, seconds), chosen.think, chosen.engine, chosen.kinds)
            load(counts, 50, seconds, chosen.think, chosen.engine, chosen.kinds)
        case "attack":
            asyncio.run(attackers(chosen.host, chosen.counts[0], chosen.seconds, chosen.kinds))
        case _:
            with service(proxies="127.0.0.1", engine=chosen.engine) as running:
                asyncio.run(churn(running, chosen.runs, 4))


if __name__ == "__main__":
    main()
