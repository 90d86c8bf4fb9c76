"""ReferenceMachine: the core as it stands, under CPython: the definition of what is right."""

from __future__ import annotations

from sandbox.build.changes import Changes
from sandbox.build.network import Network
from sandbox.core.changes import apply


class ReferenceMachine:
    """Runs the core under CPython."""

    def __init__(self, network: Network, changes: Changes) -> None:
        self._sim = network.sim
        self._changes = changes
        self.begun = False

    def start(self) -> None:
        """Run every program's init and schedule the first arrivals."""
        self.begun = True
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
