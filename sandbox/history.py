"""History: how a run goes back to an earlier moment, and on from there, perhaps with a change more.

Whatever way a state was reached, what follows from it is the same: going back only saves computing it again.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

from sandbox.build.changes import Changes
from sandbox.core.changes import Change
from sandbox.core.dialect import Array
from sandbox.diagnostics import Diagnostic
from sandbox.machines.checkpoints import Checkpoint, Checkpoints
from sandbox.machines.interface import Rewindable
from sandbox.scenario.model import Event


@dataclass(frozen=True, slots=True)
class Planted:
    """A change made to a run that had begun."""

    at_ns: int
    change: Change


class History:
    """The checkpoints of one run, and the changes that came to it after it was built."""

    def __init__(self, machine: Rewindable, changes: Changes) -> None:
        self.checkpoints = Checkpoints()
        self._machine = machine
        self._changes = changes
        self._built = len(changes.items)
        self._planted: list[Planted] = []

    def note(self) -> None:
        """Take a checkpoint when enough was done since the last; no row may be waiting to be taken."""
        machine, kept = self._machine, self.checkpoints.kept
        if self.checkpoints.due(machine.handled() + machine.rows()):
            checkpoint = machine.checkpoint(kept[-1] if kept else None)
            if checkpoint is not None:
                self.checkpoints.add(checkpoint)

    def back_to(self, fits: Callable[[Checkpoint], bool]) -> Checkpoint | None:
        """Bring back the last kept state that fits; None, and the run stays as it is, when there is none."""
        if not self.checkpoints.kept:
            self.note()  # nothing was computed yet
        checkpoint = self.checkpoints.back_to(fits)
        if checkpoint is not None:
            self._machine.restore(checkpoint)
            for planted in self._planted[checkpoint.changes - self._built :]:
                self._machine.plant(planted.at_ns, _fresh(planted.change))
        return checkpoint

    def plant(self, planted: list[Planted]) -> None:
        """Add changes to a run that was just brought back to before them."""
        for one in planted:
            self._planted.append(one)
            self._machine.plant(one.at_ns, _fresh(one.change))

    def build(self, events: list[Event]) -> tuple[list[Planted], list[Diagnostic]]:
        """Return what events change, or what is wrong with them."""
        problems = self._changes.network.problems
        seen = len(problems)
        built = [Planted(event.at_ns, one) for event in events for one in self._changes.of(event)]
        found = problems[seen:]
        del problems[seen:]
        return built, found


def _fresh(change: Change) -> Change:
    """Return a change that was laid out nowhere yet."""
    fresh = copy(change)
    fresh.values = None if change.values is None else Array(list(change.values))
    return fresh
