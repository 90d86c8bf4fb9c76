"""Frame: what the code of one instance finds its things by; every function of a program is given its address.

The code is the same for all instances of a program, so it can be compiled once; the frame says whose maps to use.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.language import tree

INSTANCE, FUEL, CLASSES, CLASS_WORDS, TRACE, PARAMS = 0, 4, 8, 12, 16, 20
FIRST_MAP = 24
TABLE_KINDS = ("HashMap", "LruHashMap", "ArrayMap")


@dataclass(frozen=True, slots=True)
class Frame:
    """Offsets in the frame of a program's instances; a table has the address of its words beside its own."""

    maps: dict[str, int]
    globals: dict[str, int]
    size: int
    lines: int = 0  # of the counters of lines, by number; 0 when lines are not counted


def frame_of(program: tree.Program, line_cells: int = 0) -> Frame:
    """Return the frame of a program's instances, with as many counters of lines."""
    at = FIRST_MAP
    maps = {}
    for declared in program.maps:
        maps[declared.name] = at
        at += 8
    globals_ = {}
    for variable in program.globals:
        globals_[variable.name] = at
        at += 8
    return Frame(maps, globals_, at + 8 * line_cells, at if line_cells else 0)
