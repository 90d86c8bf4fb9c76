"""Host: wasmtime, set up so that compiled code runs in a locked worker: no threads, bounded memory."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
from functools import cache

import wasmtime

from sandbox.compiler.wasm import kept
from sandbox.compiler.wasm.core_module import core_binary
from sandbox.compiler.wasm.library import PAGE
from sandbox.compiler.wasm.program import ProgramModule
from sandbox.compiler.wasm.unit import GUARD_BYTES, MEMORY_PAGES, RESERVED_BYTES

MEMORY_MAX_BYTES = MEMORY_PAGES * PAGE
NO_MEMORY = os.strerror(errno.ENOMEM)
STACK_BYTES = 512 * 1024


@cache
def engine() -> wasmtime.Engine:
    """Return the one engine of this process; made before a worker is forked."""
    config = wasmtime.Config()
    config.parallel_compilation = False
    # No address can leave what is reserved, so that no access needs a test: one outside memory
    # faults, and wasmtime's handler, there before a worker is forked, makes a trap of it.
    config.memory_reservation = RESERVED_BYTES
    config.memory_guard_size = GUARD_BYTES
    config.memory_may_move = False
    config.memory_reservation_for_growth = 0
    config.max_wasm_stack = STACK_BYTES
    config.wasm_wide_arithmetic = True  # the digest multiplies words of 64 bits
    # One user's data in a process of its own: there is nothing to leak by speculation.
    config.cranelift_flag_set("enable_heap_access_spectre_mitigation", "false")
    config.cranelift_flag_set("enable_table_access_spectre_mitigation", "false")
    return wasmtime.Engine(config)


@cache
def core() -> wasmtime.Module:
    """Return the core, as machine code: what an earlier process kept, else made now and kept."""
    code = kept.read()
    if code is not None:
        # Code of another wasmtime, or for another processor, is refused.
        with contextlib.suppress(wasmtime.WasmtimeError):
            return wasmtime.Module.deserialize(engine(), code)
    made = wasmtime.Module(engine(), core_binary())
    kept.write(made.serialize())
    return made


atexit.register(core.cache_clear)  # before the interpreter takes wasmtime apart


def machine_code(program: ProgramModule) -> wasmtime.Module:
    """Return a program, as machine code. Raises MemoryError when there is no room for it."""
    try:
        return wasmtime.Module(engine(), program.binary)
    except wasmtime.WasmtimeError as problem:
        if NO_MEMORY in str(problem):
            raise MemoryError from problem
        raise


def warm() -> None:
    """Have the core and enter it once, so that a locked worker has nothing left to ask the system for."""
    store = wasmtime.Store(engine())
    alloc = wasmtime.Instance(store, core(), []).exports(store)["alloc"]
    assert isinstance(alloc, wasmtime.Func)
    alloc(store, 0)
