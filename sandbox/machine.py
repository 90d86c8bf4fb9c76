"""Machine: what carries out the events of a built network. There are two, and they give the same results.

The reference machine runs the core as it stands under CPython; the wasm machine runs the same source compiled. Only
`read` and `read_log` promise that the core's objects show the present state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from sandbox.build.changes import Changes
from sandbox.build.network import Network
from sandbox.core.changes import apply


class Engine(StrEnum):
    """Which machine runs a job."""

    REFERENCE = "reference"
    WASM = "wasm"


class Machine(Protocol):
    """Runs a network that was just built."""

    def start(self) -> None:
        """Run every program's init and schedule the first arrivals."""

    def run(self, goal: int, steps: int) -> None:
        """Carry out up to `steps` events and due changes, until `goal` rows were kept or the run is over."""

    def due_ns(self) -> int:
        """Return the time of the next event, -1 when nothing is left before the end."""

    def handled(self) -> int:
        """Return how many events were carried out."""

    def rows(self) -> int:
        """Return how many rows were kept."""

    def now_ns(self) -> int:
        """Return the simulated time."""

    def made(self) -> int:
        """Return how many packets were made."""

    def take(self) -> bytes:
        """Return the kept rows since the last call."""

    def read(self) -> None:
        """Bring the core's objects up to date and the digest with them."""

    def read_log(self) -> None:
        """Bring the log up to date."""


class ReferenceMachine:
    """Runs the core under CPython."""

    def __init__(self, network: Network, changes: Changes) -> None:
        self._sim = network.sim
        self._changes = changes

    def start(self) -> None:
        """Run every program's init and schedule the first arrivals."""
        self._sim.start()

    def run(self, goal: int, steps: int) -> None:
        """Carry out up to `steps` events and the changes that are due."""
        sim = self._sim
        sim.run(goal, steps)
        while len(sim.changes) > 0:
            apply(sim, self._changes.items[sim.changes.pop(0)])
            sim.ask()

    def due_ns(self) -> int:
        """Return the time of the next event, -1 when nothing is left before the end."""
        return self._sim.due_ns()

    def handled(self) -> int:
        """Return how many events were carried out."""
        return self._sim.handled

    def rows(self) -> int:
        """Return how many rows were kept."""
        return self._sim.trace.rows

    def now_ns(self) -> int:
        """Return the simulated time."""
        return self._sim.now_ns

    def made(self) -> int:
        """Return how many packets were made."""
        return self._sim.pool.made

    def take(self) -> bytes:
        """Return the kept rows since the last call."""
        return self._sim.trace.take()

    def read(self) -> None:
        """Bring the digest up to date; the objects are."""
        self._sim.trace.fold()

    def read_log(self) -> None:
        """Do nothing: the log is up to date."""
