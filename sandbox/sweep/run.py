"""Run the points of a sweep: each in a process of its own, forked from this one, all cores busy.

A process of its own cannot harm the next point, whatever happens in it, and gives its memory back.
Which point ends first is chance; its row is not.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import selectors
import signal
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from sandbox.engine import Prepared, prepare
from sandbox.lockdown import die_with
from sandbox.machines.interface import Engine
from sandbox.protocol import Outcome
from sandbox.sweep.point import Inputs, Point
from sandbox.sweep.row import Row, failed_row, finished_row, refused_row

POINT_CPU_S = 600
POINT_MEMORY_BYTES = 1024 * 1024 * 1024
ROW_BYTES_MAX = 16 * 1024 * 1024
_ADVANCE_ROWS = 65_536
_READ_BYTES = 65_536

Work = Callable[[Point], Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one point may use."""

    cpu_s: int = POINT_CPU_S
    memory_bytes: int = POINT_MEMORY_BYTES
    reserved_bytes: int = 0


def run_point(
    point: Point,
    inputs: Inputs,
    cpu_s: float = POINT_CPU_S,
    engine: Engine = Engine.REFERENCE,
) -> Row:
    """Return the row of one point; whatever is wrong with it is in the row."""
    until_s = time.process_time() + cpu_s
    return row_of(point, prepare(point.job(inputs), engine), until_s)


def row_of(point: Point, prepared: Prepared, until_s: float) -> Row:
    """Run what was prepared and return its row; at `until_s` of processor time it ends."""
    if prepared.run is None:
        return refused_row(point, prepared.diagnostics)
    while not prepared.run.done:
        prepared.run.advance(_ADVANCE_ROWS)
        if not prepared.run.done and time.process_time() > until_s:
            prepared.run.end(Outcome.LIMIT_CPU)
    return finished_row(point, prepared.run.finished())


def serial(points: Iterable[Point], work: Work) -> Iterator[tuple[Point, Row]]:
    """Yield each point with its row, one after the other in this process."""
    for point in points:
        yield point, work(point)


def pool(
    points: Iterable[Point], work: Work, jobs: int, limits: Limits | None = None
) -> Generator[tuple[Point, Row], None, None]:
    """Yield each point with its row as it ends, `jobs` of them at a time.

    When the reader stops, by Ctrl-C or otherwise, the points under way are ended without a row.
    """
    limits = limits or Limits()
    waiting = iter(points)
    gc.collect()
    gc.freeze()  # what is there now is shared with the children, not copied by their collector
    with selectors.DefaultSelector() as selector:
        running: dict[int, _Child] = {}
        try:
            more = True
            while more or running:
                while more and len(running) < jobs:
                    point = next(waiting, None)
                    more = point is not None
                    if point is not None:
                        child = _start(point, work, limits)
                        running[child.pipe] = child
                        selector.register(child.pipe, selectors.EVENT_READ)
                for key, _ in selector.select() if running else ():
                    child = running[key.fd]
                    if child.read():
                        continue
                    selector.unregister(key.fd)
                    del running[key.fd]
                    yield child.point, child.end()
        finally:
            for child in running.values():
                child.kill()
            gc.unfreeze()


@dataclass(slots=True, kw_only=True)
class _Child:
    """A process that computes one point, and what it has said so far."""

    point: Point
    pid: int
    pipe: int
    said: bytearray = field(default_factory=bytearray)

    def read(self) -> bool:
        """Take what there is; return whether there may be more."""
        data = os.read(self.pipe, _READ_BYTES)
        self.said += data
        return bool(data) and len(self.said) <= ROW_BYTES_MAX

    def end(self) -> Row:
        """Return the row, or one that says how the process ended without it."""
        self.kill()
        try:
            row: Row = json.loads(self.said)
        except ValueError:
            message = "the process of this point ended without a result"
            return failed_row(self.point, Outcome.CRASHED, "crashed", message)
        return row

    def kill(self) -> None:
        """End the process, if it has not ended, and forget it."""
        os.close(self.pipe)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _start(point: Point, work: Work, limits: Limits) -> _Child:
    reads, writes = os.pipe()
    parent_pid = os.getpid()
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        pid = os.fork()
        if pid == 0:
            _serve(point, work, limits, parent_pid, writes)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
        os.close(writes)
    return _Child(point=point, pid=pid, pipe=reads)


def _serve(point: Point, work: Work, limits: Limits, parent_pid: int, writes: int) -> NoReturn:
    """Compute one point in the child and end it; never returns into the code of the parent.

    Ctrl-C stays blocked in it: the parent hears it and decides.
    """
    try:
        with contextlib.suppress(AttributeError, OSError):  # Linux can
            die_with(parent_pid)
        gc.disable()  # a run makes no cyclic garbage, and the process ends with it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s + 5, limits.cpu_s + 10))
        with contextlib.suppress(ValueError, OSError):  # not every system can
            addresses = limits.memory_bytes + limits.reserved_bytes
            resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))
            resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
        data = memoryview(_answer(point, work))
        while data:
            data = data[os.write(writes, data) :]
    finally:
        os._exit(0)


def _answer(point: Point, work: Work) -> bytes:
    try:
        row = work(point)
    except MemoryError:
        row = failed_row(
            point, Outcome.LIMIT_MEMORY, "limit-memory", "the point's memory is used up"
        )
    except Exception as problem:
        message = (
            f"the point ended by {type(problem).__name__}, which is a mistake of the playground"
        )
        row = failed_row(point, Outcome.CRASHED, "crashed", message)
    return json.dumps(row, separators=(",", ":")).encode()
