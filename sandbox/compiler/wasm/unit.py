"""Unit: one WebAssembly module being made, its functions, and the constants it shares with the others."""

from __future__ import annotations

import struct
from typing import Any

from sandbox.compiler.wasm.binary import Defined, Imported, ModuleWriter
from sandbox.compiler.wasm.source import Source
from sandbox.compiler.wasm.types import FLOAT, INT, T, array_of, components, fixed_end

MEMORY_PAGES = 2048
# What an address of 32 bits and the offset of a field can reach: set aside, and only MEMORY_PAGES of it usable.
RESERVED_BYTES = 1 << 32
GUARD_BYTES = 1 << 16
TABLE_SIZE = 65536
Key = tuple[Source, tuple[T, ...]]


class Statics:
    """Arrays of the core's module level; they lie behind the single records, at the same place in every run."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.known: dict[int, tuple[int, Any]] = {}
        self.closed = False

    def place(self, thing: list[Any]) -> tuple[int, T]:
        """Return the address of a constant array and its type."""
        t = array_of(FLOAT if thing and isinstance(thing[0], float) else INT)
        if id(thing) not in self.known:
            assert not self.closed, "a constant array that the core does not use"
            at = self.end
            letter = "d" if t.of[0] == FLOAT else "q"
            self.data += struct.pack(f"<II{len(thing)}{letter}", len(thing), 0, *thing)
            self.known[id(thing)] = at, thing
        return self.known[id(thing)][0], t

    @property
    def end(self) -> int:
        """Return the first address behind."""
        return fixed_end() + len(self.data)


class Unit:
    """`given` maps functions that another unit exports to their name there.

    Functions of at most `inline_nodes` nodes are written out where they are called: many in the core, which is
    compiled once, few in programs, where every node costs time before the first packet. `kept` says whether the code
    is for runs whose rows are kept, None when it is for both.
    """

    def __init__(
        self,
        statics: Statics,
        given: dict[Key, Imported],
        *,
        owns_memory: bool,
        inline_nodes: int,
        inlined: frozenset[str] = frozenset(),
        kept: bool | None = None,
    ) -> None:
        self.kept = kept
        self.inline_nodes = inline_nodes
        self.inlined = inlined
        self.statics = statics
        self.given = given
        self.writer = ModuleWriter(owns_memory, MEMORY_PAGES, TABLE_SIZE)
        self.made: dict[Key, Defined] = {}
        self.waiting: list[tuple[Key, Defined]] = []
        self.used: set[Key] = set()

    def function(self, source: Source, types: tuple[T, ...], result: T) -> Key:
        """Return the key of a function for these types of arguments; it is compiled later, once."""
        key = source, types
        if key in self.given:
            if key not in self.used:
                self.used.add(key)
                self.writer.imports.append(self.given[key])
            return key
        if key not in self.made:
            params = tuple(kind for t in types for kind in components(t))
            defined = Defined(key, params, components(result), [], [])
            self.made[key] = defined
            self.waiting.append((key, defined))
            self.writer.functions.append(defined)
        return key
