"""Compiled code folds rows into the digest as the definition does, whatever is in them."""

from __future__ import annotations

import atexit
import struct
from functools import cache
from typing import Any

import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.compiler.wasm import host, library
from sandbox.compiler.wasm.dialect import compile_waiting
from sandbox.compiler.wasm.source import source_of
from sandbox.compiler.wasm.types import ARRAY_HEAD, VOID, fixed, layout
from sandbox.compiler.wasm.unit import Statics, Unit
from sandbox.core.trace import PRIME, Trace

LIMITS = st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 2, 2**64 - 1])
WORDS = LIMITS | st.integers(0, 2**64 - 1)
DIGESTS = st.sampled_from([0, PRIME - 1, 2**128 - 1, 2**128 - 2**64]) | st.integers(0, 2**128 - 1)


@cache
def module() -> wasmtime.Module:
    unit = Unit(Statics(), {}, owns_memory=True, inline_nodes=0)
    source = source_of(library.trace_row)
    types = tuple(t for t in source.param_types() if t is not None)
    unit.writer.exports["row"] = unit.function(source, types, VOID)
    compile_waiting(unit)
    return wasmtime.Module(host.engine(), unit.writer.write())


atexit.register(module.cache_clear)  # before the interpreter takes wasmtime apart


def folded(digest: int, rows: list[tuple[int, int, int, int]]) -> int:
    """Return what compiled code makes of a digest and some rows."""
    store = wasmtime.Store(host.engine())
    exports: Any = wasmtime.Instance(store, module(), []).exports(store)
    memory = exports["memory"]
    trace, held = fixed()["Trace", ""], fixed()["Trace", "digest"] + ARRAY_HEAD
    memory.write(store, struct.pack("<QQ", digest & (2**64 - 1), digest >> 64), held)
    for now_ns, first, value, last in rows:
        memory.write(store, struct.pack("<Q", now_ns), trace + layout(Trace).fields["now_ns"][1])
        skb, kind, code, place = struct.unpack("<IBBH", struct.pack("<Q", first))
        line, slot, aux = struct.unpack("<HHI", struct.pack("<Q", last))
        (value,) = struct.unpack("<q", struct.pack("<Q", value))
        exports["row"](store, trace, skb, kind, code, place, value, line, slot, aux)
    low, high = struct.unpack("<QQ", bytes(memory.read(store, held, held + 16)))
    return int((high << 64 | low) % PRIME)


@settings(deadline=None, max_examples=100)
@given(DIGESTS, st.lists(st.tuples(WORDS, WORDS, WORDS, WORDS), max_size=20))
def test_rows_fold_as_one_long_number(digest: int, rows: list[tuple[int, int, int, int]]) -> None:
    wanted = digest
    for row in rows:
        for word in row:
            wanted = (wanted << 64 | word) % PRIME
    assert folded(digest, rows) == wanted % PRIME


def test_what_goes_twice_around_is_counted_twice() -> None:
    # The upper word becomes all ones and what is above it, 158, counts 158 * 159 below, which carries once more.
    row = (2**64 - 1, 0, library.EXCESS - 1, 2**64 - 1)
    wanted = 0
    for word in row:
        wanted = wanted << 64 | word
    assert folded(0, [row]) == wanted % PRIME
