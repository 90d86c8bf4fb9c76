"""What a hostile program would try: one function per attempt, for the self-test and the tests.

A probe that returns has got through; one that raises OSError or MemoryError, or dies, was stopped.
They run in processes forked for them, with one layer of the lock on or with all of them.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sandbox.lockdown import (
    ALL_LAYERS,
    LIBC,
    PR_SET_DUMPABLE,
    PR_SET_NO_NEW_PRIVS,
    Layer,
)

CANARY_NAME = "QDISC_PLAYGROUND_CANARY"
PR_GET_PDEATHSIG = 2
PR_GET_DUMPABLE = 3
PR_GET_NO_NEW_PRIVS = 39
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
PROT_RWX = mmap.PROT_READ | mmap.PROT_WRITE | 4
OTHER_FD = 1


class Expect(StrEnum):
    """What must happen to a probe."""

    WORKS = "works"
    REFUSED = "refused"  # an error, or death
    KILLED = "killed"  # death by SIGSYS
    TIMED_OUT = "timed out"  # death by SIGPROF


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One attempt, the layers on when it is made, and what must come of it."""

    name: str
    attempt: Callable[[], object]
    expect: Expect
    layers: tuple[Layer, ...] = ALL_LAYERS


# Numbers by (x86-64, arm64); the newer ones are the same everywhere.
_NUMBERS = {
    "clone3": (435, 435),
    "openat2": (437, 437),
    "memfd_create": (319, 279),
    "ptrace": (101, 117),
    "tgkill": (234, 131),
    "process_vm_readv": (310, 270),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "dup": (32, 23),
    "close": (3, 57),
    "pidfd_open": (434, 434),
    "shmget": (29, 194),
    "mount": (165, 40),
    "chroot": (161, 51),
    "personality": (135, 92),
    "setuid": (105, 146),
    "perf_event_open": (298, 241),
    "execveat": (322, 281),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "seccomp": (317, 277),
    "sendmsg": (46, 211),
    "name_to_handle_at": (303, 264),
    "pkey_mprotect": (329, 288),
    "getdents64": (217, 61),
}


def _raw(name: str, *arguments: int) -> Callable[[], None]:
    """Return a probe that makes a system call directly."""
    numbers = _NUMBERS[name]
    number = numbers[1] if platform.machine() == "aarch64" else numbers[0]

    def attempt() -> None:
        _checked(LIBC.syscall(number, *arguments))

    return attempt


def _checked(result: int) -> None:
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")


def _refuse_unless(breached: bool) -> None:
    if not breached:
        raise PermissionError


def map_executable() -> None:
    """Ask for memory that may be executed."""
    mmap.mmap(-1, 4096, flags=PRIVATE, prot=PROT_RWX).close()


def make_executable() -> None:
    """Make plain memory executable."""
    page = mmap.mmap(-1, 4096, flags=PRIVATE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    _checked(LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), PROT_RWX))


def read_other_file() -> None:
    """Read a descriptor that is not the control socket."""
    os.read(OTHER_FD, 1)


def write_other_file() -> None:
    """Write a descriptor that is not the control socket."""
    os.write(OTHER_FD, b"x")


def call_x32() -> None:
    """Use the second call table of x86-64."""
    _checked(LIBC.syscall(0x40000000 + 39))


def raise_limits() -> None:
    """Take back the limit on memory."""
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def take_memory() -> None:
    """Allocate far more than is allowed, though not more than the address space has."""
    mmap.mmap(-1, 2 << 30, flags=PRIVATE).close()


def take_addresses() -> None:
    """Set aside more address space than is allowed, without using it."""
    mmap.mmap(-1, 16 << 30, flags=PRIVATE, prot=0).close()


def share_memory() -> None:
    """Allocate memory that no limit counts."""
    mmap.mmap(-1, 4096, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS).close()


def see_environment() -> None:
    """Look for the canary variable, in Python and in libc."""
    LIBC.getenv.restype = ctypes.c_char_p
    seen = os.environ.get(CANARY_NAME) or LIBC.getenv(CANARY_NAME.encode())
    _refuse_unless(bool(seen))


def start_thread() -> None:
    """Start a thread."""
    try:
        threading.Thread(target=int).start()
    except RuntimeError:
        raise PermissionError from None


def burn() -> None:
    """Never end."""
    while True:
        pass


def get_option(option: int, harmless: int) -> Callable[[], None]:
    """Return a probe that succeeds unless the kernel reports the protecting value."""

    def attempt() -> None:
        value = ctypes.c_int(0)
        if option == PR_GET_PDEATHSIG:
            LIBC.prctl(option, ctypes.byref(value), 0, 0, 0)
            _refuse_unless(value.value != harmless)
        else:
            _refuse_unless(LIBC.prctl(option, 0, 0, 0, 0) != harmless)

    return attempt


_SETUP = (Layer.NO_NEW_PRIVS,)

# The whole lock on: what hostile code would try first.
ATTACKS = (
    Probe(name="open a file", attempt=lambda: os.open("/etc/passwd", 0), expect=Expect.REFUSED),
    Probe(name="list a directory", attempt=lambda: os.listdir("/"), expect=Expect.REFUSED),
    Probe(name="read a link", attempt=lambda: os.readlink("/proc/self/exe"), expect=Expect.REFUSED),
    Probe(name="see the environment", attempt=see_environment, expect=Expect.REFUSED),
    Probe(name="read another descriptor", attempt=read_other_file, expect=Expect.KILLED),
    Probe(name="write another descriptor", attempt=write_other_file, expect=Expect.KILLED),
    Probe(name="TCP socket", attempt=socket.socket, expect=Expect.KILLED),
    Probe(
        name="UDP socket",
        attempt=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        expect=Expect.KILLED,
    ),
    Probe(name="socket pair", attempt=socket.socketpair, expect=Expect.KILLED),
    Probe(name="pipe", attempt=os.pipe, expect=Expect.KILLED),
    Probe(name="fork", attempt=os.fork, expect=Expect.KILLED),
    Probe(
        name="spawn",
        attempt=lambda: os.posix_spawn("/bin/true", ["true"], {}),
        expect=Expect.KILLED,
    ),
    Probe(name="execute", attempt=lambda: os.execv("/bin/true", ["true"]), expect=Expect.KILLED),
    Probe(name="thread", attempt=start_thread, expect=Expect.REFUSED),
    Probe(name="kill the parent", attempt=lambda: os.kill(os.getppid(), 0), expect=Expect.KILLED),
    Probe(name="executable memory", attempt=map_executable, expect=Expect.KILLED),
    Probe(name="make memory executable", attempt=make_executable, expect=Expect.KILLED),
    Probe(name="raise a limit", attempt=raise_limits, expect=Expect.KILLED),
    Probe(name="take 2 GiB", attempt=take_memory, expect=Expect.REFUSED),
    Probe(name="shared memory", attempt=share_memory, expect=Expect.KILLED),
    Probe(
        name="restore a signal",
        attempt=lambda: signal.signal(signal.SIGPROF, signal.SIG_IGN),
        expect=Expect.REFUSED,
    ),
    *(
        Probe(name=name, attempt=_raw(name, *arguments), expect=Expect.KILLED)
        for name, arguments in (
            ("clone3", (0, 0)),
            ("openat2", (0, 0, 0, 0)),
            ("memfd_create", (0, 0)),
            ("ptrace", (0, 0, 0, 0)),
            ("tgkill", (1, 1, 0)),
            ("process_vm_readv", (1, 0, 0, 0, 0, 0)),
            ("io_uring_setup", (1, 0)),
            ("bpf", (0, 0, 0)),
            ("userfaultfd", (0,)),
            ("keyctl", (0, 0, 0, 0)),
            ("unshare", (0x10000000,)),
            ("dup", (0,)),
            ("close", (0,)),
            ("pidfd_open", (1, 0)),
            ("shmget", (0, 4096, 0o1600)),
            ("mount", (0, 0, 0, 0, 0)),
            ("chroot", (0,)),
            ("personality", (0x0400000,)),
            ("setuid", (0,)),
            ("perf_event_open", (0, 0, 0, 0, 0)),
            ("execveat", (0, 0, 0, 0, 0)),
            ("prctl", (PR_SET_DUMPABLE, 1, 0, 0, 0)),
            ("prlimit64", (0, 0, 0, 0)),
            ("seccomp", (1, 0, 0)),
            ("sendmsg", (0, 0, 0)),
            ("name_to_handle_at", (0, 0, 0, 0, 0)),
            ("pkey_mprotect", (0, 4096, 7, -1)),
            ("getdents64", (0, 0, 0)),
        )
    ),
)

# One layer on at a time: each must hold without the others.
SINGLE_LAYERS = (
    Probe(
        name="files: descriptors are closed",
        attempt=read_other_file,
        expect=Expect.REFUSED,
        layers=(Layer.FILES,),
    ),
    Probe(
        name="environment: nothing to see",
        attempt=see_environment,
        expect=Expect.REFUSED,
        layers=(Layer.ENVIRONMENT,),
    ),
    Probe(
        name="user: root is gone",
        attempt=lambda: os.setuid(0),
        expect=Expect.REFUSED,
        layers=(Layer.USER,),
    ),
    Probe(
        name="death-signal: dies with its parent",
        attempt=get_option(PR_GET_PDEATHSIG, signal.SIGKILL),
        expect=Expect.REFUSED,
        layers=(Layer.DEATH_SIGNAL,),
    ),
    Probe(
        name="no-new-privs: is set",
        attempt=get_option(PR_GET_NO_NEW_PRIVS, 1),
        expect=Expect.REFUSED,
        layers=(Layer.NO_NEW_PRIVS,),
    ),
    Probe(
        name="dumpable: memory is not readable by others",
        attempt=get_option(PR_GET_DUMPABLE, 0),
        expect=Expect.REFUSED,
        layers=(Layer.DUMPABLE,),
    ),
    Probe(
        name="landlock: no file opens",
        attempt=lambda: os.open("/", os.O_RDONLY),
        expect=Expect.REFUSED,
        layers=(*_SETUP, Layer.LANDLOCK),
    ),
    Probe(
        name="rlimits: no descriptor can be had",
        attempt=lambda: os.open("/", os.O_RDONLY),
        expect=Expect.REFUSED,
        layers=(Layer.RLIMITS,),
    ),
    Probe(
        name="rlimits: memory ends",
        attempt=take_memory,
        expect=Expect.REFUSED,
        layers=(Layer.RLIMITS,),
    ),
    Probe(
        name="rlimits: address space ends",
        attempt=take_addresses,
        expect=Expect.REFUSED,
        layers=(Layer.RLIMITS,),
    ),
    Probe(
        name="rlimits: no process can be started",
        attempt=os.fork,
        expect=Expect.REFUSED,
        layers=(Layer.USER, Layer.RLIMITS),
    ),
    Probe(
        name="rlimits: cannot be raised",
        attempt=raise_limits,
        expect=Expect.REFUSED,
        layers=(Layer.USER, Layer.RLIMITS),
    ),
    Probe(
        name="timer: processor time ends",
        attempt=burn,
        expect=Expect.TIMED_OUT,
        layers=(Layer.TIMER,),
    ),
    Probe(
        name="seccomp: an unlisted call kills",
        attempt=socket.socket,
        expect=Expect.KILLED,
        layers=(*_SETUP, Layer.SECCOMP),
    ),
)
if platform.machine() == "x86_64":
    ATTACKS += (Probe(name="x32 call", attempt=call_x32, expect=Expect.KILLED),)

# What a run needs must still work under the whole lock.
NEEDS = (
    Probe(name="random bytes", attempt=lambda: os.urandom(8), expect=Expect.WORKS),
    Probe(name="clock", attempt=time.process_time, expect=Expect.WORKS),
    Probe(name="32 MiB of memory", attempt=lambda: bytearray(32 << 20), expect=Expect.WORKS),
    Probe(name="write the control socket", attempt=lambda: os.write(0, b"x"), expect=Expect.WORKS),
    Probe(name="compile", attempt=lambda: compile("x = 1", "<p>", "exec"), expect=Expect.WORKS),
)

assert PR_SET_NO_NEW_PRIVS == PR_GET_NO_NEW_PRIVS - 1, "the options come in pairs"
