"""Non-preemptive priorities against Cobham's formula, and Kleinrock's conservation law.

Sources: Cobham 1954; Kleinrock, Queueing Systems, volume 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.theory import lab

PRIORITIES = (6, 0, 2)  # of Linux's default map: bands 0, 1 and 2


@dataclass(frozen=True)
class Case:
    """Loads and packet sizes by band, the stated waits, how many packets a seed gets."""

    name: str
    loads: tuple[float, float, float]
    sizes: tuple[int, int, int]
    stated_us: tuple[float, float, float]
    packets: int
    percents: tuple[float, float, float]


CASES = [
    Case("8 us fixed", (0.3, 0.3, 0.35), (1000,) * 3, (5.429, 13.571, 190.0), 40_000, (3, 4, 15)),
    Case("mixed", (0.2, 0.3, 0.3), (64, 512, 1500), (3.082, 6.164, 24.656), 20_000, (4, 4, 8)),
    Case(
        "8 flows, load 0.95",
        (0.35625, 0.35625, 0.2375),
        (1000,) * 3,
        (5.903, 20.532, 264.35),
        40_000,
        (3, 5, 15),
    ),
    Case(
        "8 flows, load 0.8", (0.3, 0.3, 0.2), (1000,) * 3, (4.571, 11.429, 40.0), 20_000, (3, 4, 8)
    ),
]


def cobham(loads: tuple[float, ...], sizes: tuple[int, ...]) -> list[float]:
    """Return the mean waits in µs at 1 Gbit/s, highest band first."""
    services = [size * 0.008 for size in sizes]
    residual = sum(rho * s for rho, s in zip(loads, services, strict=True)) / 2
    waits, above = [], 0.0
    for rho in loads:
        waits.append(residual / ((1 - above) * (1 - above - rho)))
        above += rho
    return waits


def run_case(case: Case, seed: int, packets: int) -> list[float]:
    """Return the mean waits in µs, by band."""
    flows = []
    for band, (rho, size) in enumerate(zip(case.loads, case.sizes, strict=True)):
        pace = f'rate = "{round(rho * lab.GBIT)}bit", size = "{size}b"'
        flows.append(f'band{band} = {{ model = "poisson", {pace}, priority = {PRIORITIES[band]} }}')
    pps = sum(rho * 1e6 / (size * 0.008) for rho, size in zip(case.loads, case.sizes, strict=True))
    duration = f"{round(packets / pps * 1e9)}ns"
    text = lab.link('kind = "prio"', flows, duration=duration)
    text = text.replace("mtu = ", "txqueuelen = 100000, mtu = ")
    waits = lab.after_warm_up(lab.run(text, seed=seed).waits())
    return [lab.mean(w.wait_ns / 1000 for w in waits if w.flow == band) for band in range(3)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_waits_by_band(case: Case) -> None:
    packets, seeds = (100_000, 100) if lab.LONG else (case.packets, 10)
    runs = [run_case(case, seed, packets) for seed in range(1, seeds + 1)]
    expected = cobham(case.loads, case.sizes)
    assert expected == pytest.approx(case.stated_us, rel=1e-3)
    for band in range(3):
        found = lab.estimate([run[band] for run in runs])
        percent = (2, 2, 4)[band] if lab.LONG else case.percents[band]
        assert found.agrees(expected[band], percent), (band, found, expected[band])
    if len(set(case.sizes)) == 1:
        check_conservation(case, runs)


def check_conservation(case: Case, runs: list[list[float]]) -> None:
    """Assert that the load-weighted sum of waits is what any order would give."""
    rho = sum(case.loads)
    residual = rho * case.sizes[0] * 0.008 / 2
    sums = [sum(r * w for r, w in zip(case.loads, run, strict=True)) for run in runs]
    found = lab.estimate(sums)
    assert found.agrees(rho * residual / (1 - rho), 2 if lab.LONG else 12), found
