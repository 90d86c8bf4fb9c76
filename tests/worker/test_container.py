"""The lock holds where a container runtime has put its own filter on first: nobody, no capabilities, no new privileges.

Docker's documentation of its default profile lists the system calls that it refuses; they are refused here
in the same way, EPERM, and clone3 as ENOSYS, by a filter made with libseccomp.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.lockdown import Layer
from sandbox.selftest import self_test
from tests.backend.service import ROOT

REFUSED = """
acct add_key bpf clock_adjtime clock_settime create_module delete_module finit_module fsconfig fsmount fsopen
fspick get_kernel_syms get_mempolicy init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp
kexec_file_load kexec_load keyctl lookup_dcookie mbind mount mount_setattr move_mount move_pages nfsservctl
open_by_handle_at open_tree perf_event_open pivot_root process_vm_readv process_vm_writev ptrace query_module
quotactl reboot request_key set_mempolicy setdomainname sethostname setns settimeofday swapoff swapon sysfs
syslog umount umount2 unshare uselib userfaultfd ustat vhangup vm86 vm86old
"""
NAMESPACES = 0x7E020000  # the CLONE_NEW… flags
ALLOW = 0x7FFF0000
ERRNO = 0x00050000
MASKED_EQUAL = 7
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
LIBRARY = ctypes.util.find_library("seccomp")
LIBC = ctypes.CDLL(None, use_errno=True)

pytestmark = [
    pytest.mark.skipif(
        LIBRARY is None, reason="there is no libseccomp; Debian: apt-get install libseccomp2"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody"),
]


class Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operation", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def load_profile() -> None:
    """Refuse what a container may not do, from here on."""
    library = ctypes.CDLL(LIBRARY)
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ALLOW)))
    known = 0
    for name in REFUSED.split():
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert (
                library.seccomp_rule_add(context, ctypes.c_uint32(ERRNO | errno.EPERM), number, 0)
                == 0
            )
            known += 1
    assert known > 40
    clone3 = library.seccomp_syscall_resolve_name(b"clone3")
    assert library.seccomp_rule_add(context, ctypes.c_uint32(ERRNO | errno.ENOSYS), clone3, 0) == 0
    clone = library.seccomp_syscall_resolve_name(b"clone")
    for flag in (bit for bit in (1 << at for at in range(32)) if bit & NAMESPACES):
        rule = Comparison(0, MASKED_EQUAL, flag, flag)
        assert (
            library.seccomp_rule_add_array(
                context, ctypes.c_uint32(ERRNO | errno.EPERM), clone, 1, ctypes.byref(rule)
            )
            == 0
        )
    assert library.seccomp_load(context) == 0


def as_in_a_container() -> None:
    """Be nobody, without capabilities, unable to gain any, behind the profile."""
    for capability in range(64):
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    assert LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    load_profile()
    status = Path("/proc/self/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    assert "CapBnd:\t0000000000000000" in status


def outcome(body: Callable[[], bool]) -> int:
    """Return 0 when the body is true in a process of its own."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.chdir(ROOT)
            as_in_a_container()
            code = 0 if body() else 2
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_profile_refuses_what_it_must() -> None:
    def refused() -> bool:
        unshared = LIBC.unshare(0x10000000)
        return unshared == -1 and ctypes.get_errno() == errno.EPERM

    assert outcome(refused) == 0


def test_every_layer_holds_in_a_container() -> None:
    def holds() -> bool:
        report = self_test()
        print(report.failures, file=sys.__stderr__)
        return report.ok and set(report.absent) <= {Layer.USER, Layer.LANDLOCK}

    assert outcome(holds) == 0
