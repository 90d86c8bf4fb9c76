"""Host: wasmtime, set up so that compiled code runs in a locked worker: no threads, no signals, bounded memory."""

from __future__ import annotations

from functools import cache

import wasmtime

from sandbox.compiler.wasm.core_module import core_module
from sandbox.compiler.wasm.program import ProgramModule

MEMORY_MAX_BYTES = 128 * 1024 * 1024
STACK_BYTES = 512 * 1024


@cache
def engine() -> wasmtime.Engine:
    """Return the one engine of this process; made before a worker is forked."""
    config = wasmtime.Config()
    config.parallel_compilation = False
    config.signals_based_traps = False
    config.memory_reservation = MEMORY_MAX_BYTES
    config.memory_may_move = False
    config.memory_guard_size = 0
    config.memory_reservation_for_growth = 0
    config.max_wasm_stack = STACK_BYTES
    config.wasm_threads = False
    config.wasm_simd = False
    config.wasm_relaxed_simd = False
    return wasmtime.Engine(config)


@cache
def core() -> wasmtime.Module:
    """Return the core, as machine code."""
    return wasmtime.Module(engine(), core_module().binary)


def machine_code(program: ProgramModule) -> wasmtime.Module:
    """Return a program, as machine code."""
    return wasmtime.Module(engine(), program.binary)
