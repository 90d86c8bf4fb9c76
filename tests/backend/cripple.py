"""Make a world in which the kernel loads no system call filter: what a broken host looks like."""

from __future__ import annotations

import ctypes
import errno
import struct

from sandbox.seccomp import ALLOW, EQUAL, LIBC, LOAD, PR_SET_SECCOMP, RETURN, architecture

PRCTL = {0xC000003E: 157, 0xC00000B7: 167}
SECCOMP = {0xC000003E: 317, 0xC00000B7: 277}
REFUSE = 0x00050000 | errno.EPERM


def forbid_filters() -> None:
    """Refuse prctl(PR_SET_SECCOMP) and seccomp from here on, in all children too."""
    machine = architecture()
    assert machine is not None
    code = [
        (LOAD, 0, 0, 0),
        (EQUAL, 3, 0, SECCOMP[machine.audit]),
        (EQUAL, 0, 3, PRCTL[machine.audit]),
        (LOAD, 0, 0, 16),
        (EQUAL, 0, 1, PR_SET_SECCOMP),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
    packed = b"".join(struct.pack("=HBBI", *item) for item in code)
    buffer = ctypes.create_string_buffer(packed, len(packed))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    program = Program(len(code), ctypes.cast(buffer, ctypes.c_void_p))
    LIBC.prctl(38, 1, 0, 0, 0)
    assert LIBC.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0) == 0
