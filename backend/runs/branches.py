"""Live events on their way into a run: which wait, and whether the present worker can take one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.protocol import ProtocolError


@dataclass(slots=True)
class Branches:
    """The events that are not yet part of the job, the first of them on its way.

    A worker can take one when it has reached where it was to begin (`ready`), and may ask to be replaced once it has
    gone back since (`branched`).
    """

    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    ready: bool = False
    branched: bool = False

    @property
    def first(self) -> dict[str, Any] | None:
        """Return the event that is on its way."""
        return self.waiting[0] if self.waiting else None

    @property
    def may_ask_anew(self) -> bool:
        """Whether the worker has a reason to want another in its place."""
        return self.ready and (self.branched or bool(self.waiting))

    def new_worker(self) -> None:
        """Begin with a worker that has reached nothing."""
        self.ready = self.branched = False

    def rewound(self) -> dict[str, Any] | None:
        """Take note that the worker went back; return the event it did that for, if none of its task.

        Raises ProtocolError when there is none.
        """
        if not self.ready:
            self.ready = True
            return None
        if not self.waiting:
            raise ProtocolError("bad-message", "a worker rewinds unasked")
        self.branched = True
        return self.waiting.popleft()

    def refused(self) -> None:
        """Drop the event that the worker cannot take; raises ProtocolError when there is none."""
        if not self.waiting:
            raise ProtocolError("bad-message", "a worker refuses an event that there is not")
        self.waiting.popleft()
