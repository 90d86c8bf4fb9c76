"""Progress: how far a sweep is, how fast, and how long it may still take."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TextIO

_SLOW_S, _FAST_S = 5.0, 0.2  # between two lines: in a file, on a terminal


@dataclass(slots=True)
class Progress:
    """How far a sweep is, on a stream for people: one line that changes on a terminal."""

    total: int
    stream: TextIO | None
    done: int = 0
    skipped: int = 0
    begun_s: float = field(default_factory=time.monotonic)
    shown_s: float = field(default_factory=time.monotonic)

    def skip(self) -> None:
        """Count a point that was there already."""
        self.skipped += 1

    def step(self) -> None:
        """Count a point that was run, and tell when it is time to."""
        self.done += 1
        now_s = time.monotonic()
        if self.stream is None:
            return
        if now_s - self.shown_s < (_FAST_S if self.stream.isatty() else _SLOW_S):
            return
        self.shown_s = now_s
        self._show(self.text(now_s - self.begun_s), last=False)

    def end(self) -> None:
        """Tell what was done, if any."""
        if self.stream is not None:
            self._show(self.text(time.monotonic() - self.begun_s), last=True)

    def text(self, elapsed_s: float) -> str:
        """Return the line: points, rate, time left."""
        known = self.done + self.skipped
        text = f"{known:,}/{self.total:,} points"
        if self.skipped:
            text += f" ({self.skipped:,} were there)"
        if self.done and elapsed_s > 0:
            text += f", {self.done / elapsed_s:.1f} a second"
            left_s = (self.total - known) * elapsed_s / self.done
            text += f", about {_duration(left_s)} left" if known < self.total else ""
        return text

    def _show(self, text: str, last: bool) -> None:
        assert self.stream is not None
        if self.stream.isatty():
            self.stream.write(f"\r\x1b[K{text}" + ("\n" if last else ""))
        else:
            self.stream.write(text + "\n")
        self.stream.flush()


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
