"""One run, streamed by credit: computes no further than the rows the other end has asked for.

The state is small: rows computed but not yet sent, credit left, paused or not. Pausing, stepping, events
and ending are messages that are looked at between slices of work.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sandbox.branch import branch
from sandbox.channel import Channel
from sandbox.engine import Run
from sandbox.protocol import (
    ROW,
    ROWS_MAX,
    ROWS_PER_FRAME_MAX,
    Job,
    Outcome,
    ProtocolError,
    event_from_json,
    rows,
)

PROGRESS_INTERVAL_S = 0.1
CREDIT_MAX = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where a stream begins.

    Rows before `from_row` are computed and not sent. With `rewind_ns` the first row sent is the
    earliest at or after that time when that comes before `from_row`, and `rewound` tells its number.
    """

    from_row: int = 0
    rewind_ns: int | None = None
    credit: int = 0
    paused: bool = False
    steps: int = 0
    cpu_ms: int = 5000


class Stream:
    """Sends the rows, logs and progress of one run; `serve` returns the run's last message."""

    def __init__(self, channel: Channel, job: Job, run: Run, start: Start) -> None:
        self._channel = channel
        self._job = job
        self._run = run
        self._from_row = start.from_row
        self._rewind_ns = start.rewind_ns
        self._cpu_ms = start.cpu_ms
        self._credit = start.credit
        self._steps = start.steps
        self._paused = start.paused
        self._traced = job.trace
        self._stopped = False
        self._rewound = False
        self._outcome: Outcome | None = None  # of a run that ends here and not by itself
        self._events: list[dict[str, Any]] = []
        self._pending = bytearray()
        self._entries: list[dict[str, Any]] = []
        self._computed = 0
        self._sent = 0
        self._progress_due_s = 0.0

    def serve(self) -> dict[str, Any]:
        """Run to the end, or to a limit, or until told to stop; returns the `finished` message."""
        if self._traced:
            self._skip()
        while not self._stopped:
            self._listen()
            if self._events:
                self._branch(self._events.pop(0))
            elif self._entries:
                self._send_log()
            elif self._pending:
                self._send_rows()
            elif self._run.done or self._outcome is not None:
                break
            else:
                self._advance(min(self._budget(), ROWS_PER_FRAME_MAX))
        self._send_log()
        if self._stopped:
            self._outcome = Outcome.CANCELLED
        if self._outcome is not None:
            self._run.end(self._outcome)
        return self._run.finished()

    def _branch(self, event: dict[str, Any]) -> None:
        """Go back to an event's time and on with it, or say that it cannot be, or only from the start."""
        if time.process_time() * 1000 > self._cpu_ms / 2:
            self._ask_for_another()
            return
        branched = branch(self._run, self._job, event, self._sent)
        if branched.diagnostics:
            problem = {"slug": "bad-event", "message": branched.diagnostics[0].message}
            self._channel.send({"op": "error", "error": problem})
        elif branched.job is None:
            self._ask_for_another()
        else:
            self._job, self._outcome, self._rewound = branched.job, None, True
            self._pending.clear()
            self._entries.clear()
            self._from_row, self._rewind_ns = self._sent, branched.at_ns
            self._sent = self._computed = self._run.rows
            self._skip()

    def _ask_for_another(self) -> None:
        """Say that a worker that begins at the start is needed, and wait for the end of this one."""
        self._channel.send({"op": "anew"})
        while True:
            self._channel.receive()

    def _skip(self) -> None:
        """Compute up to the first row that is to be sent, and number it."""
        first: int | None = None
        while not self._run.done and first is None and self._from_row > 0:
            self._listen(wait=False)
            if self._stopped:
                return
            self._advance(ROWS_PER_FRAME_MAX)
            if self._outcome is not None:
                self._pending.clear()
                return
            first = self._first_row()
            if first is None:
                self._sent = self._computed
                self._pending.clear()
                self._entries.clear()
        if first is not None:
            del self._pending[: (first - self._sent) * ROW.size]
            self._sent = first
        if self._rewind_ns is not None:
            self._channel.send({"op": "rewound", "row": self._sent})

    def _first_row(self) -> int | None:
        """Return the number of the first pending row to send, if it is among them."""
        number = self._from_row if self._from_row <= self._computed else None
        rewind_ns = self._rewind_ns
        if rewind_ns is None:
            return number
        for index, row in enumerate(rows(bytes(self._pending))):
            if row.time_ns >= rewind_ns:
                early = self._sent + index
                return early if number is None else min(number, early)
        return number

    def _advance(self, count: int) -> None:
        """Compute a slice, and note when a limit ends the run; the part that was computed is kept."""
        data = self._run.advance(count)
        self._pending += data
        self._computed += len(data) // ROW.size
        self._entries += self._run.log_since()
        now_s = time.monotonic()
        if now_s >= self._progress_due_s:
            self._progress_due_s = now_s + PROGRESS_INTERVAL_S
            self._channel.send({"op": "progress", **self._run.progress()})
        if self._run.done:
            return
        if self._computed >= ROWS_MAX:
            self._outcome = Outcome.LIMIT_OUTPUT
        elif time.process_time() * 1000 >= self._cpu_ms:
            if self._rewound:  # a worker that begins at the start might still have time left
                self._ask_for_another()
            self._outcome = Outcome.LIMIT_CPU

    def _send_log(self) -> None:
        if self._entries:
            self._channel.send({"op": "log", "entries": self._entries})
            self._entries = []

    def _send_rows(self) -> None:
        count = min(self._budget(), len(self._pending) // ROW.size, ROWS_PER_FRAME_MAX)
        if count == 0:
            return
        self._channel.send_rows(self._sent, bytes(self._pending[: count * ROW.size]))
        del self._pending[: count * ROW.size]
        self._sent += count
        self._credit -= count
        self._steps = max(0, self._steps - count)

    def _budget(self) -> int:
        """Return how many rows may be sent now; without a trace there is nothing to send."""
        if self._paused:
            return min(self._credit, self._steps)
        return self._credit if self._traced else ROWS_PER_FRAME_MAX

    def _listen(self, wait: bool = True) -> None:
        """Take what has arrived; while there is nothing to do, wait for more."""
        message = self._channel.poll()
        while message is not None:
            self._take(message)
            message = self._channel.poll()
        while wait and self._idle():
            self._take(self._channel.receive())

    def _idle(self) -> bool:
        """Return whether there is nothing to do until the other end says so."""
        over = (self._run.done or self._outcome is not None) and not self._pending
        return not (self._stopped or self._events or self._budget() or over)

    def _take(self, message: dict[str, Any]) -> None:
        match message.get("op"):
            case "credit":
                self._credit = min(CREDIT_MAX, self._credit + _count(message))
            case "pause":
                self._paused, self._steps = True, 0
            case "resume":
                self._paused, self._steps = False, 0
            case "step":
                self._paused = True
                self._steps = min(CREDIT_MAX, self._steps + _count(message))
                self._credit = min(CREDIT_MAX, self._credit + _count(message))
            case "event":
                self._events.append(event_from_json(message.get("event")))
            case "stop":
                self._stopped = True
            case _:
                raise ProtocolError("bad-message", "a running worker does not know this message")


def _count(message: dict[str, Any]) -> int:
    count = message.get("rows")
    if type(count) is not int or not 0 < count <= CREDIT_MAX:
        raise ProtocolError("bad-type", "rows must be a positive integer")
    return count
