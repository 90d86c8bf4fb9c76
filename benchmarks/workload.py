"""The peers' workload as a job for our engine, and variants of it."""

from __future__ import annotations

from pathlib import Path

from sandbox.protocol import Job

PROGRAMS = Path(__file__).parent / "programs"
LINK_BPS = 1_000_000_000
IMIX = '[["64b", 7], ["576b", 4], ["1514b", 1]]'
IMIX_MEAN_BYTES = (64 * 7 + 576 * 4 + 1514) / 12


def job(
    name: str,
    load: float,
    packets: int,
    seed: int,
    *,
    flows: int = 8,
    mixed: bool = False,
    devices: int = 1,
    limit: int = 1000,
    trace: bool = False,
) -> Job:
    """Return `packets` expected packets of Poisson flows at a load of 1 Gbit/s links."""
    mean_bytes = IMIX_MEAN_BYTES if mixed else 1000
    rate_bps = int(load * LINK_BPS / flows)
    duration_ns = int(packets * mean_bytes * 8 / load / devices)
    size = IMIX if mixed else '"1000b"'
    text = (PROGRAMS / f"{name}.qdisc.py").read_text().replace("=1000)", f"={limit})")
    lines = ['title = "benchmark"', f'run = {{ duration = "{duration_ns}ns", seed = {seed} }}']
    for d in range(devices):
        lines += [f"[device.eth{d}]", 'rate = "1gbit"']
    lines.append("[qdisc]")
    lines += [
        f'"eth{d} 1:" = {{ parent = "root", program = "bench.qdisc.py" }}' for d in range(devices)
    ]
    lines.append("[flow]")
    lines += [
        f'f{d}-{i} = {{ model = "poisson", device = "eth{d}", rate = "{rate_bps}bit", '
        f"size = {size}, mark = {i} }}"
        for d in range(devices)
        for i in range(flows)
    ]
    programs = {"bench.qdisc.py": text, "bench": text}
    return Job(scenario="\n".join(lines), programs=programs, trace=trace)
