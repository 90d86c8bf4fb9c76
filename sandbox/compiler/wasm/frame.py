"""Frame: where the code of one instance finds its things; every function of a program is given its address.

The code is the same for all instances of a program, so it can be compiled once. The instance's globals are in its
frame, and its maps and what else its code needs lie right behind, at distances that are the same for all instances.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.compiler.wasm.types import (
    ARRAY_HEAD,
    INT,
    INTS,
    LIST_BYTES,
    T,
    layout,
    list_of,
    record_type,
)
from sandbox.core.classes import ClassTable
from sandbox.core.flowmap import FlowMap
from sandbox.core.gauge import Gauge
from sandbox.core.instance import Instance
from sandbox.core.ints import IntQueue
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbmaps import SkbMapArray, SkbMapHash
from sandbox.core.tables import Table
from sandbox.language import tree

PARAMS = 0  # the address of the parameters' values
FIRST_GLOBAL = 8
TABLE_KINDS = ("HashMap", "LruHashMap", "ArrayMap")
RECORDS: dict[str, type] = {
    "SkbMap": SkbMap,
    "SkbMapArray": SkbMapArray,
    "SkbMapHash": SkbMapHash,
    "FlowMap": FlowMap,
    "Queue": IntQueue,
    "Stack": IntQueue,
    **{kind: Table for kind in TABLE_KINDS},
}
INSTANCE, FUEL, GAUGE, CLASS_TABLE = "instance", "fuel", "gauge", "classes"
WORDS = " words"  # behind the name of a table or CLASS_TABLE: the list its values are in; no map has such a name
_HEAD: tuple[tuple[str, T], ...] = (
    (INSTANCE, record_type(Instance)),
    (FUEL, INTS),
    (GAUGE, record_type(Gauge)),
    (CLASS_TABLE, record_type(ClassTable)),
    (CLASS_TABLE + WORDS, list_of(INT)),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """Offsets from the frame of a program's instances. `things` lie behind it, in this order."""

    globals: dict[str, int]
    things: dict[str, tuple[T, int]]
    size: int
    lines: int = 0  # of the counters of lines, by number; 0 when lines are not counted


def map_thing(name: str) -> str:
    """Return the name of a map among the things of a frame."""
    return f"map {name}"


def frame_of(program: tree.Program, line_cells: int = 0) -> Frame:
    """Return the frame of a program's instances, with as many counters of lines."""
    at = FIRST_GLOBAL
    globals_ = {}
    for variable in program.globals:
        globals_[variable.name] = at
        at += 8
    lines = at if line_cells else 0
    size = at = at + 8 * line_cells
    things: dict[str, tuple[T, int]] = {}
    for name, t in (*_HEAD, *_of_maps(program)):
        things[name] = t, at
        at += _bytes(t)
    return Frame(globals_, things, size, lines)


def _of_maps(program: tree.Program) -> list[tuple[str, T]]:
    found = []
    for declared in program.maps:
        name = map_thing(declared.name)
        found.append((name, record_type(RECORDS[declared.kind])))
        if declared.kind in TABLE_KINDS:
            found.append((name + WORDS, list_of(INT)))
    return found


def _bytes(t: T) -> int:
    if t == INTS:
        return ARRAY_HEAD + 8  # the one word of fuel
    return layout(t.record).size if t.record is not None else LIST_BYTES
