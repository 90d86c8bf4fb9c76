"""The system call filter of a worker: a BPF program made here and loaded through libc.

Allowed is what a running interpreter needs: its control socket (fd 0), memory without execution,
clocks, random bytes, the end. CPython itself tries to open files now and then (a late import, the
source line of a SyntaxError), so those calls fail with EPERM; every other call kills the process.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import signal
import struct
from collections.abc import Sequence
from dataclasses import dataclass

LIBC = ctypes.CDLL(None, use_errno=True)

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
PROT_EXEC = 4
MAP_SHARED = 1
MSG_DONTWAIT = 0x40
FAULTS = (signal.SIGILL, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV)

KILL_PROCESS = 0x80000000
ALLOW = 0x7FFF0000
REFUSE = 0x00050000 | errno.EPERM

# Classic BPF opcodes, and the offsets in struct seccomp_data.
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
AT_NUMBER, AT_ARCHITECTURE, AT_ARGUMENTS = 0, 4, 16
X32_BIT = 0x40000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The audit number of an architecture and its system call numbers, by how they are treated."""

    audit: int
    has_x32: bool
    allowed: tuple[int, ...]
    refused: tuple[int, ...]
    map: int  # mmap: not shared, since RLIMIT_DATA does not count that; without PROT_EXEC
    protect: int  # mprotect: without PROT_EXEC
    fault: int  # rt_sigaction: only of the signals of faults, so that a crash is one
    control: tuple[int, ...]  # read, write: only fd 0
    receive: int  # recvfrom: only fd 0 with MSG_DONTWAIT
    prctl: int  # while compiling, only to put on the next filter


# Allowed: futex munmap madvise brk mremap clock_gettime getrandom rt_sigreturn rt_sigprocmask
# sched_yield clock_nanosleep restart_syscall exit exit_group.
# Refused: open openat stat fstat lstat newfstatat statx lseek ioctl readlink readlinkat access
# faccessat faccessat2 getcwd getpid gettid; arm64 has only the newer ones.
ARCHITECTURES = {
    "x86_64": Architecture(
        audit=0xC000003E,
        has_x32=True,
        allowed=(202, 11, 28, 12, 25, 228, 318, 15, 14, 24, 230, 219, 60, 231),
        refused=(2, 257, 4, 5, 6, 262, 332, 8, 16, 89, 267, 21, 269, 439, 79, 39, 186),
        map=9,
        protect=10,
        fault=13,
        control=(0, 1),
        receive=45,
        prctl=157,
    ),
    "aarch64": Architecture(
        audit=0xC00000B7,
        has_x32=False,
        allowed=(98, 215, 233, 214, 216, 113, 278, 139, 135, 124, 115, 128, 93, 94),
        refused=(56, 80, 79, 291, 62, 29, 78, 48, 439, 17, 172, 178),
        map=222,
        protect=226,
        fault=134,
        control=(63, 64),
        receive=207,
        prctl=167,
    ),
}

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def architecture() -> Architecture | None:
    """Return this machine's table, or None where no filter is known."""
    return ARCHITECTURES.get(platform.machine()) if platform.system() == "Linux" else None


def assemble(machine: Architecture, *, compiling: bool = False) -> list[Instruction]:
    """Return the filter as BPF instructions; anything not named in the table ends in a kill.

    A filter for `compiling` also allows memory that can be executed, and one more filter on top of it.
    """
    code: list[Instruction] = [
        (LOAD, 0, 0, AT_ARCHITECTURE),
        (EQUAL, 1, 0, machine.audit),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, AT_NUMBER),
    ]
    if machine.has_x32:
        code += [(AT_LEAST, 0, 1, X32_BIT), (RETURN, 0, 0, KILL_PROCESS)]
    for number in machine.control:
        code += _when(number, [_argument(0), (EQUAL, 1, 0, 0), *_KILL, *_ALLOW])
    if compiling:
        code += _when(machine.prctl, [_argument(0), (EQUAL, 1, 0, PR_SET_SECCOMP), *_KILL, *_ALLOW])
    private = [_argument(3), (ANY_BIT, 0, 1, MAP_SHARED), *_KILL]
    harmless = [] if compiling else [_argument(2), (ANY_BIT, 0, 1, PROT_EXEC), *_KILL]
    code += _when(machine.map, [*private, *harmless, *_ALLOW])
    code += _when(machine.protect, [*harmless, *_ALLOW])
    code += _when(machine.fault, [_argument(0), *_unless_one_of(FAULTS, _REFUSE), *_ALLOW])
    flags = [_argument(3), (EQUAL, 1, 0, MSG_DONTWAIT), *_KILL, *_ALLOW]
    code += _when(machine.receive, [_argument(0), (EQUAL, 1, 0, 0), *_KILL, *flags])
    for number in machine.allowed:
        code += _when(number, _ALLOW)
    for number in machine.refused:
        code += _when(number, _REFUSE)
    return [*code, *_KILL]


_KILL: list[Instruction] = [(RETURN, 0, 0, KILL_PROCESS)]
_ALLOW: list[Instruction] = [(RETURN, 0, 0, ALLOW)]
_REFUSE: list[Instruction] = [(RETURN, 0, 0, REFUSE)]


def _argument(index: int) -> Instruction:
    """Load the low half of an argument: both machines are little-endian, fds and prot fit in it."""
    return (LOAD, 0, 0, AT_ARGUMENTS + 8 * index)


def _when(number: int, block: Sequence[Instruction]) -> list[Instruction]:
    """Run `block`, which returns on every path, when the call has this number."""
    return [(EQUAL, 0, len(block), number), *block]


def _unless_one_of(values: Sequence[int], block: Sequence[Instruction]) -> list[Instruction]:
    """Run `block`, which returns, unless the argument that was loaded is one of the values."""
    last = len(values) - 1
    tests = [(EQUAL, last - at + len(block), 0, value) for at, value in enumerate(values)]
    return [*tests, *block]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def load(machine: Architecture, *, compiling: bool = False) -> None:
    """Put this process under the filter, for good; needs no_new_privs. Raises OSError.

    Filters stack: the strictest answer of all that are on counts.
    """
    instructions = assemble(machine, compiling=compiling)
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    program = _Program(len(instructions), ctypes.cast(buffer, ctypes.c_void_p))
    if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "the kernel refused the system call filter")
