"""Image: live objects of the core → bytes of linear memory, and back.

`build()` makes the same graph for both engines. Here it is laid out from an address on, run in memory, and read
back into the very same objects, so that statistics, dumps and tests need not know which engine ran.
"""

from __future__ import annotations

import struct
from array import array
from typing import Any

from sandbox.compiler.wasm.library import IntDict
from sandbox.compiler.wasm.types import (
    ARRAY_HEAD,
    DIGEST_BYTES,
    INTS,
    LIST_BYTES,
    T,
    layout,
    placed,
)

SPARE_ITEMS = 4
CELL_WORDS = 4
GOLDEN = 0x9E3779B97F4A7C15
M64 = (1 << 64) - 1


class Image:
    """Places objects from `start` on; `data` is what memory must hold there."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.data = bytearray()
        self.address: dict[int, int] = {}
        self.known: dict[int, tuple[Any, T]] = {}  # by address
        self.hooks: dict[tuple[int, str], tuple[int, int]] = {}  # of records, by field
        self._waiting: list[tuple[int, Any, T]] = []
        self._digest = 0

    @property
    def end(self) -> int:
        """Return the first address behind."""
        return self.start + len(self.data)

    def reserve(self, size: int) -> int:
        """Return the address of zeroed memory."""
        at = self.end
        self.data += bytes((size + 7) & -8)
        return at

    def place(self, thing: Any, t: T) -> int:
        """Return where an object is or will be; 0 for None."""
        if thing is None:
            return 0
        at = self.address.get(id(thing))
        if at is None:
            at = self.reserve(_size(thing, t))
            self.address[id(thing)] = at
            self.known[at] = thing, t
            self._waiting.append((at, thing, t))
        return at

    def digest(self, value: int) -> int:
        """Return where the digest is, written there first."""
        if self._digest == 0:
            self._digest = self.reserve(ARRAY_HEAD + DIGEST_BYTES)
            self._pack("<IIQQ", self._digest, 2, 0, value & M64, value >> 64)
        return self._digest

    def forget(self, end: int) -> None:
        """Know nothing of what was placed from an address on."""
        for at in [at for at in self.known if at >= end]:
            thing, _ = self.known.pop(at)
            del self.address[id(thing)]

    def fill(self) -> None:
        """Write every object placed so far, and what it leads to."""
        while self._waiting:
            at, thing, t = self._waiting.pop()
            match t.kind:
                case "record" if t.record is IntDict:
                    self._fill_dict(at, thing)
                case "record":
                    self._fill_record(at, thing, t)
                case "array":
                    self._head(at, len(thing))
                    self._fill_items(at + ARRAY_HEAD, thing, t)
                case "list":
                    self._fill_list(at, thing, t)
                case "bytes":
                    room = max(64, len(thing))
                    self._pack("<III", at, 0, room, self.reserve(room))

    def _pack(self, form: str, at: int, *values: Any) -> None:
        struct.pack_into(form, self.data, at - self.start, *values)

    def _head(self, at: int, count: int) -> None:
        self._pack("<I", at, count)

    def _fill_record(self, at: int, thing: Any, t: T) -> None:
        assert t.record is not None
        plan = layout(t.record)
        try:
            values = list(plan.read(thing))
        except AttributeError:  # a field that is filled in during the run
            values = [getattr(thing, name, None) for name in plan.fields]
        known = self.address
        for number, kind in plan.others:
            value = values[number]
            if value is not None:
                values[number] = known.get(id(value)) or self._word(value, kind)
        values = [0 if value is None else value for value in values]
        for number, name in plan.hooks:  # the last first, since each takes two places
            values[number : number + 1] = self.hooks.get((id(thing), name), (0, 0))
        plan.pack.pack_into(self.data, at - self.start, *values)

    def _word(self, value: Any, t: T) -> Any:
        """Return what memory holds for a value of one component."""
        match t.kind:
            case "int" | "u64" | "i32" | "bool" | "float":
                return 0 if value is None else value
            case "any":
                return value if isinstance(value, int) else self.place(value, INTS)
            case "unused":
                return 0
            case "digest":
                return self.digest(value)
        return self.place(value, t)

    def _fill_list(self, at: int, thing: Any, t: T) -> None:
        _, stride = placed(t.of[0])
        room = max(64, 1 << (max(1, len(thing) * stride) - 1).bit_length()) if thing else 0
        items = self.reserve(room) if room else 0
        self._pack("<III", at, len(thing), room // stride, items)
        self._fill_items(items, thing, t)

    def _fill_items(self, at: int, thing: Any, t: T) -> None:
        item = t.of[0]
        if not thing:
            return
        if item.kind in ("int", "u64"):
            raw = array("q" if item.kind == "int" else "Q", thing).tobytes()
            self.data[at - self.start : at - self.start + len(raw)] = raw
            return
        offsets, stride = placed(item)
        kinds = item.of if item.kind == "tuple" else (item,)
        for number, value in enumerate(thing):
            values = value if item.kind == "tuple" else (value,)
            for one, kind, offset in zip(values, kinds, offsets, strict=True):
                word = self._word(one, kind)
                self._pack(LETTERS.get(kind.kind, "<I"), at + number * stride + offset, word)

    def _fill_dict(self, at: int, thing: dict[int, int]) -> None:
        mask = _mask(len(thing))
        cells = [0] * (CELL_WORDS * (mask + 1))
        for number, (key, value) in enumerate(thing.items(), 1):
            i = ((key * GOLDEN & M64) >> 32) & mask
            while cells[CELL_WORDS * i + 1]:
                i = (i + 1) & mask
            cells[CELL_WORDS * i : CELL_WORDS * i + 3] = [key, value + 1, number]
        held = self.reserve(ARRAY_HEAD + 8 * len(cells))
        self._head(held, len(cells))
        raw = array("q", cells).tobytes()
        offset = held + ARRAY_HEAD - self.start
        self.data[offset : offset + len(raw)] = raw
        layout(IntDict).pack.pack_into(
            self.data, at - self.start, held, mask, len(thing), len(thing)
        )


LETTERS = {"i32": "<i", "int": "<q", "u64": "<Q", "float": "<d", "any": "<q"}


def _mask(count: int) -> int:
    return max(8, 1 << (2 * count + 1).bit_length()) - 1


def _size(thing: Any, t: T) -> int:
    if t.kind == "array":
        return ARRAY_HEAD + placed(t.of[0])[1] * len(thing)
    if t.kind in ("list", "bytes"):
        return LIST_BYTES
    assert t.record is not None, t
    return layout(t.record).size
