"""Waits: how the waits of each flow's packets are distributed, as quantiles at fixed levels."""

from __future__ import annotations

from sandbox.build.network import Network
from sandbox.protocol import WAIT_LEVELS


def waits(network: Network, names: list[str]) -> dict[str, list[int]]:
    """Return, for each flow with packets that left a qdisc, the sojourn in ns at each level."""
    found = {}
    for name, source in zip(names, network.sim.sources, strict=True):
        quantiles = source.stats.sojourn.quantiles(WAIT_LEVELS)
        if quantiles:
            found[name] = quantiles
    return found
