"""The lock of a worker: ten independent layers, put on in one order, after which nothing is left.

Everything must be imported before. Each layer stands alone, so that the self-test can prove every
one of them; docs/security.md says what each is for.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from sandbox import landlock, seccomp

LIBC = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38

NOBODY = 65534
CONTROL_FD = 0
# The worker ends itself with statistics at `cpu_ms`; these hard limits only catch one that cannot.
TIMER_GRACE_MS = 500
RLIMIT_GRACE_S = 2


class Layer(StrEnum):
    """The layers, in the order in which they go on."""

    FILES = "files"
    ENVIRONMENT = "environment"
    USER = "user"
    DEATH_SIGNAL = "death-signal"
    NO_NEW_PRIVS = "no-new-privs"
    DUMPABLE = "dumpable"
    LANDLOCK = "landlock"
    RLIMITS = "rlimits"
    TIMER = "timer"
    SECCOMP = "seccomp"


ALL_LAYERS = tuple(Layer)
# A kernel may lack Landlock, and only root can change the user; the rest must hold everywhere.
OPTIONAL_LAYERS = frozenset((Layer.LANDLOCK, Layer.USER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one worker may use: time, memory, and `reserved_bytes` of address space set aside besides."""

    cpu_ms: int
    memory_bytes: int
    reserved_bytes: int = 0


class LockError(Exception):
    """A layer that must be on could not be put on."""

    def __init__(self, layer: Layer, reason: str) -> None:
        super().__init__(f"{layer}: {reason}")
        self.layer = layer


class Absent(Exception):
    """The machine has no such layer."""


def lock(
    limits: Limits,
    parent_pid: int,
    layers: Collection[Layer] = ALL_LAYERS,
    allow_unlocked: bool = False,
    *,
    compiling: bool = False,
) -> frozenset[Layer]:
    """Lock this process and return the layers that are on; the control socket must be fd 0.

    With `compiling` machine code may still be made, until `forbid_code` is called. Raises LockError
    when a layer fails; with `allow_unlocked` a failed layer is left out instead.
    """
    steps: dict[Layer, Callable[[], None]] = {
        Layer.FILES: close_files,
        Layer.ENVIRONMENT: clear_environment,
        Layer.USER: drop_user,
        Layer.DEATH_SIGNAL: lambda: die_with(parent_pid),
        Layer.NO_NEW_PRIVS: lambda: _prctl(PR_SET_NO_NEW_PRIVS, 1),
        Layer.DUMPABLE: lambda: _prctl(PR_SET_DUMPABLE, 0),
        Layer.LANDLOCK: deny_by_landlock,
        Layer.RLIMITS: lambda: set_rlimits(limits),
        Layer.TIMER: lambda: start_timer(limits),
        Layer.SECCOMP: lambda: filter_calls(compiling=compiling),
    }
    done = []
    for layer in ALL_LAYERS:
        if layer not in layers:
            continue
        try:
            steps[layer]()
        except Absent as problem:
            if layer not in OPTIONAL_LAYERS and not allow_unlocked:
                raise LockError(layer, str(problem)) from None
        except (OSError, ValueError) as problem:
            if not allow_unlocked:
                raise LockError(layer, str(problem)) from None
        else:
            done.append(layer)
    return frozenset(done)


def close_files() -> None:
    """Close every file descriptor but the control socket."""
    os.closerange(CONTROL_FD + 1, _fd_limit())


def _fd_limit() -> int:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


def clear_environment() -> None:
    """Forget every environment variable."""
    os.environ.clear()
    LIBC.clearenv()


def drop_user() -> None:
    """Become nobody for good, when this is root."""
    if os.geteuid() != 0:
        raise Absent("only root can change the user")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when its parent ends; changing the user would undo it."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def deny_by_landlock() -> None:
    """Put on Landlock, where the kernel has it."""
    if landlock.restrict() == 0:
        raise Absent("this kernel has no Landlock")


def set_rlimits(limits: Limits) -> None:
    """Set every resource limit that matters, hard and soft."""
    cpu_s = -(-limits.cpu_ms // 1000) + RLIMIT_GRACE_S
    table = (
        (resource.RLIMIT_AS, limits.memory_bytes + limits.reserved_bytes),
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    )
    for which, value in table:
        resource.setrlimit(which, (value, value))


def start_timer(limits: Limits) -> None:
    """End this process when it has used its processor time; the default action kills."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, (limits.cpu_ms + TIMER_GRACE_MS) / 1000)


def filter_calls(*, compiling: bool = False) -> None:
    """Put on the system call filter."""
    machine = seccomp.architecture()
    if machine is None:
        raise Absent("no system call filter is known for this machine")
    seccomp.load(machine, compiling=compiling)


def forbid_code() -> None:
    """Put the strict filter on top of the one for compiling: no more memory becomes executable."""
    filter_calls()


def _prctl(option: int, value: int) -> None:
    if LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option} was refused")


def control_socket() -> socket.socket:
    """Return the control socket; it must never be closed, since closing is not allowed either."""
    return socket.socket(fileno=CONTROL_FD)
