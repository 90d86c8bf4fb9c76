"""Every layer of the lock holds, alone and together, as root and as nobody."""

from __future__ import annotations

import os
import resource
import signal
import socket

import pytest

from sandbox.lockdown import ALL_LAYERS, Layer, Limits, LockError, lock
from sandbox.probes import ATTACKS, NEEDS, SINGLE_LAYERS, Expect, Probe
from sandbox.seccomp import ALLOW, ARCHITECTURES, KILL_PROCESS, REFUSE, assemble
from sandbox.selftest import judge, run_probe, self_test

AS_ROOT = os.geteuid() == 0


@pytest.mark.parametrize("probe", (*SINGLE_LAYERS, *ATTACKS, *NEEDS), ids=lambda probe: probe.name)
def test_each_probe_comes_out_as_it_must(probe: Probe) -> None:
    if Layer.USER in probe.layers and len(probe.layers) < len(ALL_LAYERS) and not AS_ROOT:
        pytest.skip("only root can change the user")
    result = run_probe(probe)
    assert result.ok, result.happened


def test_there_are_probes_enough_for_every_layer() -> None:
    assert len(ATTACKS) >= 34
    assert {probe.layers[-1] for probe in SINGLE_LAYERS} == set(Layer)


@pytest.mark.skipif(not AS_ROOT, reason="only root can become nobody")
def test_the_lock_holds_for_nobody_too() -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            report = self_test()
            code = 0 if report.ok and Layer.USER in report.absent else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_layer_that_is_off_fails_its_own_probe() -> None:
    """The self-test would be worthless if its probes passed without the layer."""
    for probe in SINGLE_LAYERS:
        if probe.expect is Expect.TIMED_OUT:
            continue
        bare = Probe(name=probe.name, attempt=probe.attempt, expect=probe.expect, layers=())
        assert not run_probe(bare).ok, probe.name


def test_wrong_ends_are_not_taken_for_the_right_ones() -> None:
    probe = Probe(name="x", attempt=int, expect=Expect.KILLED)
    assert not judge(probe, 0).ok
    assert not judge(probe, signal.SIGKILL).ok
    assert not judge(probe, 1 << 8).ok
    assert not judge(probe, 99 << 8).ok
    assert judge(probe, signal.SIGSYS).ok


def test_a_worker_that_cannot_die_by_memory_or_time_dies_by_the_hard_limits() -> None:
    """RLIMIT_CPU ends what the timer cannot, for instance when its signal were lost."""
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.dup2(theirs.fileno(), 0)
        layers = tuple(layer for layer in ALL_LAYERS if layer is not Layer.TIMER)
        # The grace of two seconds goes on top: minus one leaves a limit of one second.
        lock(Limits(cpu_ms=-1000, memory_bytes=512 << 20), parent, layers)
        while True:
            pass
    _, status, usage = os.wait4(pid, 0)
    ours.close()
    theirs.close()
    assert os.waitstatus_to_exitcode(status) in (-signal.SIGXCPU, -signal.SIGKILL)
    assert usage.ru_utime < 2.5


def test_a_layer_that_cannot_go_on_is_an_error() -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
            if AS_ROOT:
                os.setresuid(65534, 65534, 65534)
            lock(Limits(cpu_ms=100, memory_bytes=1 << 30), os.getppid(), (Layer.SECCOMP,))
        except LockError as problem:
            code = 0 if problem.layer is Layer.SECCOMP else 3
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_filter_allows_what_its_table_says_and_kills_the_rest(name: str) -> None:
    machine = ARCHITECTURES[name]
    code = assemble(machine)
    assert len(code) < 256

    def verdict(number: int, arguments: tuple[int, ...] = (0,) * 6, audit: int = 0) -> int:
        return interpret(code, number, audit or machine.audit, arguments)

    for number in range(512):
        inputs = (0, 0, 0, 0x40, 0, 0)
        wanted = KILL_PROCESS
        special = (machine.map, machine.protect, *machine.control, machine.receive)
        if number in (*machine.allowed, *special):
            wanted = ALLOW
        elif number in (*machine.refused, machine.fault):
            wanted = REFUSE
        assert verdict(number, inputs) == wanted, number
    other = next(m for key, m in ARCHITECTURES.items() if key != name)
    for number in (machine.map, machine.protect):
        assert verdict(number, (0, 4096, 7, 2, 0, 0)) == KILL_PROCESS
    assert verdict(machine.map, (0, 4096, 3, 1, 0, 0)) == KILL_PROCESS
    for signum in range(1, 65):
        faults = (signal.SIGILL, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV)
        assert verdict(machine.fault, (signum, 0, 0, 0, 0, 0)) == (
            ALLOW if signum in faults else REFUSE
        )
    for number in machine.control:
        assert verdict(number, (1, 0, 0, 0, 0, 0)) == KILL_PROCESS
    assert verdict(machine.receive, (0, 0, 0, 0, 0, 0)) == KILL_PROCESS
    assert verdict(machine.receive, (3, 0, 0, 0x40, 0, 0)) == KILL_PROCESS
    assert verdict(machine.allowed[0], audit=other.audit) == KILL_PROCESS
    assert verdict(0x40000000 | machine.allowed[0]) == KILL_PROCESS


def interpret(
    code: list[tuple[int, int, int, int]], number: int, audit: int, arguments: tuple[int, ...]
) -> int:
    """Run classic BPF over one struct seccomp_data."""
    data = {0: number, 4: audit}
    for index, value in enumerate(arguments):
        data[16 + 8 * index] = value & 0xFFFFFFFF
    position, loaded = 0, 0
    while True:
        opcode, yes, no, constant = code[position]
        position += 1
        if opcode == 0x06:
            return constant
        if opcode == 0x20:
            loaded = data[constant]
            continue
        taken = {0x15: loaded == constant, 0x35: loaded >= constant, 0x45: loaded & constant}
        position += yes if taken[opcode] else no
