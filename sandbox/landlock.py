"""Landlock: a worker may open no file, connect nowhere over TCP, signal nobody outside itself.

Raw system calls, since libc has no wrappers; the numbers are the same on every architecture.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

LIBC = ctypes.CDLL(None, use_errno=True)

CREATE_RULESET = 444
RESTRICT_SELF = 446
CREATE_RULESET_VERSION = 1

# The file rights, network rights and scopes that each version of the interface knows.
FILE_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
NETWORK_ABI = 4
SCOPE_ABI = 6


def abi() -> int:
    """Return the version of Landlock in this kernel, 0 when it has none."""
    if platform.system() != "Linux":
        return 0
    version = LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), CREATE_RULESET_VERSION)
    return max(0, int(version))


def restrict() -> int:
    """Deny all of it from here on, for good; returns the version used, 0 when there is none.

    Needs no_new_privs and one spare file descriptor. Raises OSError when the kernel has Landlock
    but refuses the rules.
    """
    version = abi()
    if version == 0:
        return 0
    bits = FILE_RIGHTS_BY_ABI.get(version, FILE_RIGHTS_BY_ABI[5])
    fields = [(1 << bits) - 1]
    if version >= NETWORK_ABI:
        fields.append(0b11)
    if version >= SCOPE_ABI:
        fields.append(0b11)
    rules = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _call(CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), 0)
    try:
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _call(number: int, *arguments: object) -> int:
    result = int(LIBC.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), "the kernel refused the Landlock rules")
    return result
