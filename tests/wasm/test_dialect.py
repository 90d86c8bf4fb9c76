"""Functions in the dialect give the same compiled as under CPython, and leave the same objects."""

from __future__ import annotations

import atexit
import inspect
import struct
from functools import cache
from types import FunctionType
from typing import Any

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.compiler.wasm import host
from sandbox.compiler.wasm.dialect import compile_waiting
from sandbox.compiler.wasm.image import Image
from sandbox.compiler.wasm.library import HEAP_TOP
from sandbox.compiler.wasm.reading import Reading
from sandbox.compiler.wasm.source import source_of
from sandbox.compiler.wasm.types import fixed_end, record_type
from sandbox.compiler.wasm.unit import Statics, Unit
from sandbox.core.dialect import Dict, List
from tests.wasm import cases
from tests.wasm.cases import Box

NAMES = [
    name
    for name, thing in vars(cases).items()
    if isinstance(thing, FunctionType)
    and thing.__module__ == cases.__name__
    and list(inspect.signature(thing).parameters) == ["box", "a", "b"]
]
INTS = st.integers(-(2**31), 2**31) | st.integers(-9, 9)


@cache
def compiled(inline_nodes: int) -> tuple[wasmtime.Module, Statics]:
    statics = Statics()
    unit = Unit(statics, {}, owns_memory=True, inline_nodes=inline_nodes)
    for name in NAMES:
        source = source_of(getattr(cases, name))
        result = source.result()
        assert result is not None
        types = tuple(t for t in source.param_types() if t is not None)
        unit.writer.exports[name] = unit.function(source, types, result)
    compile_waiting(unit)
    return wasmtime.Module(host.engine(), unit.writer.write()), statics


atexit.register(compiled.cache_clear)  # before the interpreter takes wasmtime apart


def box() -> Box:
    return Box(Dict({4: 1, -7: 3}), List([5, 6, 7]))


def run_compiled(name: str, a: int, b: int, inline_nodes: int) -> tuple[int, Box]:
    module, statics = compiled(inline_nodes)
    store = wasmtime.Store(host.engine())
    exports: Any = wasmtime.Instance(store, module, []).exports(store)
    image = Image(statics.end)
    given_box = box()
    at = image.place(given_box, record_type(Box))
    image.fill()
    memory = exports["memory"]
    memory.write(store, statics.data, fixed_end())
    memory.write(store, image.data, image.start)
    memory.write(store, struct.pack("<II", image.end, host.MEMORY_MAX_BYTES), HEAP_TOP)
    result = exports[name](store, at, a, b)
    whole = memoryview(bytes(memory.read(store, 0, 1 << 20)))
    return result, Reading(image, whole).read(at, record_type(Box))


@pytest.mark.parametrize("inline_nodes", [0, 200], ids=["called", "written-out"])
@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=25)
@given(a=INTS, b=INTS)
def test_compiled_code_gives_what_cpython_gives(
    name: str, inline_nodes: int, a: int, b: int
) -> None:
    expected = box()
    wanted = getattr(cases, name)(expected, a, b)
    result, left = run_compiled(name, a, b, inline_nodes)
    assert result == wanted
    assert list(left.index.items()) == list(expected.index.items())
    assert (left.items, left.calls) == (expected.items, expected.calls)
