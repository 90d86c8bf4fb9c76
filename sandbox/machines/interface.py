"""Machine: what carries out the events of a built network. There are two, and they give the same results.

The reference machine runs the core as it stands under CPython; the wasm machine runs the same source compiled. Only
`read` and `read_log` promise that the core's objects show the present state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from sandbox.compiler.wasm.unit import GUARD_BYTES, RESERVED_BYTES
from sandbox.core.changes import Change
from sandbox.machines.checkpoints import Checkpoint


class Engine(StrEnum):
    """Which machine runs a job."""

    REFERENCE = "reference"
    WASM = "wasm"

    @property
    def reserved_bytes(self) -> int:
        """Return how much address space it sets aside without using it."""
        return RESERVED_BYTES + 2 * GUARD_BYTES if self is Engine.WASM else 0


class Machine(Protocol):
    """Runs a network that was just built; `begun` once it has started."""

    begun: bool

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


class Rewindable(Machine, Protocol):
    """A machine whose whole state can be kept and brought back."""

    def checkpoint(self, before: Checkpoint | None) -> Checkpoint | None:
        """Return the present state, sharing what it can with one `before`; None when it is too large.

        No row may be waiting to be taken.
        """

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a state."""

    def plant(self, at_ns: int, change: Change) -> None:
        """Let a change happen at a time that has not come, after those that are to happen then already."""
