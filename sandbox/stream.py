"""One run, streamed by credit: computes no further than the rows the other end has asked for.

The state is small: rows computed but not yet sent, credit left, paused or not. Pausing, stepping
and ending are messages that are looked at between slices of work.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sandbox.channel import Channel
from sandbox.engine import Run
from sandbox.protocol import ROW, ROWS_MAX, ROWS_PER_FRAME_MAX, Outcome, ProtocolError, rows

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

    def __init__(self, channel: Channel, run: Run, start: Start, traced: bool) -> None:
        self._channel = channel
        self._run = run
        self._start = start
        self._traced = traced
        self._credit = start.credit
        self._steps = start.steps
        self._paused = start.paused
        self._stopped = False
        self._pending = bytearray()
        self._entries: list[dict[str, Any]] = []
        self._computed = 0
        self._sent = 0
        self._progress_due_s = 0.0

    def serve(self) -> dict[str, Any]:
        """Run to the end, or to a limit, or until told to stop; returns the `finished` message."""
        outcome = self._skip() if self._traced else None
        while outcome is None:
            self._listen()
            if self._stopped:
                outcome = Outcome.CANCELLED
            elif self._entries:
                self._send_log()
            elif self._pending:
                self._send_rows()
            elif self._run.done:
                return self._finish(None)
            else:
                outcome = self._advance(min(self._budget(), ROWS_PER_FRAME_MAX))
        return self._finish(outcome)

    def _finish(self, outcome: Outcome | None) -> dict[str, Any]:
        self._send_log()
        if outcome is not None:
            self._run.end(outcome)
        return self._run.finished()

    def _skip(self) -> Outcome | None:
        """Compute up to the first row that is to be sent, and number it."""
        first: int | None = None
        while not self._run.done and first is None:
            self._listen(wait=False)
            if self._stopped:
                return Outcome.CANCELLED
            if self._start.from_row == 0:
                break
            outcome = self._advance(ROWS_PER_FRAME_MAX)
            if outcome is not None:
                return outcome
            first = self._first_row()
            if first is None:
                self._sent = self._computed
                self._pending.clear()
                self._entries.clear()
        if first is not None:
            del self._pending[: (first - self._sent) * ROW.size]
            self._sent = first
        if self._start.rewind_ns is not None:
            self._channel.send({"op": "rewound", "row": self._sent})
        return None

    def _first_row(self) -> int | None:
        """Return the number of the first pending row to send, if it is among them."""
        number = self._start.from_row if self._start.from_row <= self._computed else None
        rewind_ns = self._start.rewind_ns
        if rewind_ns is None:
            return number
        for index, row in enumerate(rows(bytes(self._pending))):
            if row.time_ns >= rewind_ns:
                early = self._sent + index
                return early if number is None else min(number, early)
        return number

    def _advance(self, count: int) -> Outcome | None:
        """Compute a slice; says which limit ended the run, if one did."""
        data = self._run.advance(count)
        self._pending += data
        self._computed += len(data) // ROW.size
        self._entries += self._run.log_since()
        now_s = time.monotonic()
        if now_s >= self._progress_due_s:
            self._progress_due_s = now_s + PROGRESS_INTERVAL_S
            self._channel.send({"op": "progress", **self._run.progress()})
        if self._run.done:
            return None
        if self._computed >= ROWS_MAX:
            return self._cut(Outcome.LIMIT_OUTPUT)
        if time.process_time() * 1000 >= self._start.cpu_ms:
            return self._cut(Outcome.LIMIT_CPU)
        return None

    def _cut(self, outcome: Outcome) -> Outcome:
        """End at a limit; the part that was computed is kept as far as credit reaches."""
        while self._pending and not self._stopped:
            self._listen()
            self._send_rows()
        return outcome

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
        while wait and not self._stopped and self._budget() == 0 and not self._ended():
            self._take(self._channel.receive())

    def _ended(self) -> bool:
        return self._run.done and not self._pending

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
            case "stop":
                self._stopped = True
            case _:
                raise ProtocolError("bad-message", "a running worker does not know this message")


def _count(message: dict[str, Any]) -> int:
    count = message.get("rows")
    if type(count) is not int or not 0 < count <= CREDIT_MAX:
        raise ProtocolError("bad-type", "rows must be a positive integer")
    return count
