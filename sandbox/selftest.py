"""Prove at start that every layer of the lock is on: python -m sandbox.selftest prints the table.

Each probe runs in a process of its own. A layer that is off in silence must never serve a stranger,
so the zygote runs this before it says that it is ready.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from sandbox import landlock
from sandbox.lockdown import OPTIONAL_LAYERS, TIMER_GRACE_MS, Layer, Limits, LockError, lock
from sandbox.probes import ATTACKS, CANARY_NAME, NEEDS, SINGLE_LAYERS, Expect, Probe

PROBE_CPU_MS = 1000
SPARE_BYTES, SPARE_ADDRESSES = 1 << 30, 1 << 32
# The timer's own probe gets 50 ms in all, so that the test stays quick.
TIMER_LIMITS = Limits(cpu_ms=50 - TIMER_GRACE_MS, memory_bytes=1 << 30)

UNLOCKED = 99
OTHER_ERROR = 98


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one probe; `ok` when it is what must come."""

    name: str
    ok: bool
    happened: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All results, and the layers this machine does not have."""

    results: tuple[Result, ...]
    absent: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every probe came out as it must."""
        return all(result.ok for result in self.results)

    @property
    def failures(self) -> tuple[str, ...]:
        """One line for each probe that did not."""
        return tuple(f"{r.name}: {r.happened}" for r in self.results if not r.ok)


def self_test() -> Report:
    """Run every probe that applies to this machine; takes some tens of milliseconds."""
    absent = _absent_layers()
    probes = [
        probe
        for probe in (*SINGLE_LAYERS, *ATTACKS, *NEEDS)
        if probe.layers[-1] not in absent or len(probe.layers) == len(Layer)
    ]
    return Report(
        results=tuple(run_probe(probe) for probe in probes),
        absent=tuple(sorted(absent)),
    )


def _absent_layers() -> frozenset[Layer]:
    absent = set()
    if landlock.abi() == 0:
        absent.add(Layer.LANDLOCK)
    if os.geteuid() != 0:
        absent.add(Layer.USER)
    assert absent <= OPTIONAL_LAYERS
    return frozenset(absent)


def run_probe(probe: Probe) -> Result:
    """Fork, lock, try; say what happened."""
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _attempt(probe, theirs, parent)
    theirs.close()
    _, status = os.waitpid(pid, 0)
    ours.close()
    return judge(probe, status)


def _limits() -> Limits:
    """Return limits a stated way above what this process holds already, which may be much."""
    size = data = 0
    with contextlib.suppress(OSError):  # one that changed its user may not read it
        status = Path("/proc/self/status").read_bytes()
        size, data = (
            int(status.split(name)[1].split()[0]) << 10 for name in (b"VmSize:", b"VmData:")
        )
    return Limits(
        cpu_ms=PROBE_CPU_MS,
        memory_bytes=data + SPARE_BYTES,
        reserved_bytes=size + SPARE_ADDRESSES,
    )


def _attempt(probe: Probe, control: socket.socket, parent_pid: int) -> None:
    """Lock this process, make the attempt, and end with what came of it as the exit code."""
    code = OTHER_ERROR
    try:
        os.environ[CANARY_NAME] = "seen"
        os.dup2(control.fileno(), 0)
        limits = TIMER_LIMITS if probe.expect is Expect.TIMED_OUT else _limits()
        lock(limits, parent_pid, probe.layers)
        probe.attempt()
        code = 0
    except LockError:
        code = UNLOCKED
    except MemoryError:
        code = errno.ENOMEM
    except OSError as problem:
        code = problem.errno or errno.EPERM
    except ValueError:
        code = errno.EINVAL
    finally:
        os._exit(code)


def judge(probe: Probe, status: int) -> Result:
    """Return the result of a probe whose process ended with this wait status."""
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        happened = "worked"
    elif code == UNLOCKED:
        happened = "the lock did not go on"
    elif code < 0:
        happened = f"killed by {signal.Signals(-code).name}"
    else:
        happened = f"refused ({errno.errorcode.get(code, code)})"
    refused = 0 < code < OTHER_ERROR or code < 0
    ok = {
        Expect.WORKS: code == 0,
        Expect.REFUSED: refused,
        Expect.KILLED: code == -signal.SIGSYS,
        Expect.TIMED_OUT: code == -signal.SIGPROF,
    }[probe.expect]
    return Result(name=probe.name, ok=ok, happened=happened)


def main() -> int:
    """Print one line for each probe; exit 1 when a layer is off."""
    try:
        report = self_test()
    except OSError:
        traceback.print_exc()
        return 1
    for result in report.results:
        print(f"{'ok  ' if result.ok else 'OFF '} {result.name}: {result.happened}")
    for layer in report.absent:
        print(f"none {layer}: this machine does not have it")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
