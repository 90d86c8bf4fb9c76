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
    ANY,
    ARRAY_HEAD,
    INTS,
    LIST_BYTES,
    Layout,
    T,
    layout,
    placed,
)
from sandbox.core.dialect import Array, List
from sandbox.core.skb import Skb, SkbPool
from sandbox.core.trace import PRIME

DIGEST_WORDS = 4
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
            case "digest":
                at = self.reserve(8 + 8 * DIGEST_WORDS)
                words = [value >> (32 * i) & 0xFFFFFFFF for i in range(DIGEST_WORDS)]
                self._pack("<II4q", at, DIGEST_WORDS, 0, *words)
                return at
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
                self._pack(_LETTERS.get(kind.kind, "<I"), at + number * stride + offset, word)

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


_LETTERS = {"i32": "<i", "int": "<q", "u64": "<Q", "float": "<d", "any": "<q"}


def _mask(count: int) -> int:
    return max(8, 1 << (2 * count + 1).bit_length()) - 1


def _size(thing: Any, t: T) -> int:
    if t.kind == "array":
        return ARRAY_HEAD + placed(t.of[0])[1] * len(thing)
    if t.kind in ("list", "bytes"):
        return LIST_BYTES
    assert t.record is not None, t
    return layout(t.record).size


class Reading:
    """Reads memory back into the objects that were laid out; what was made during the run becomes new objects."""

    def __init__(self, image: Image, memory: bytes | memoryview) -> None:
        self.memory = memory
        self.things: dict[int, Any] = {at: thing for at, (thing, _) in image.known.items()}
        self.done: set[int] = set()
        self._waiting: list[tuple[int, Any, T]] = []

    def read(self, at: int, t: T) -> Any:
        """Return the object at an address, brought up to date with everything it leads to."""
        thing = self._thing(at, t)
        while self._waiting:
            self._update(*self._waiting.pop())
        return thing

    def _thing(self, at: int, t: T) -> Any:
        if at == 0:
            return None
        thing = self.things.get(at)
        if thing is None:
            thing = _blank(t)
            self.things[at] = thing
        if at not in self.done:
            self.done.add(at)
            self._waiting.append((at, thing, t))
        return thing

    def _update(self, at: int, thing: Any, t: T) -> None:
        if t.kind == "array":
            (count,) = struct.unpack_from("<I", self.memory, at)
            thing[:] = self.items(at + ARRAY_HEAD, count, t)
        elif t.kind == "list":
            count, _, items = struct.unpack_from("<III", self.memory, at)
            if t.of[0] == ANY:
                self._update_params(items, thing)
            else:
                thing[:] = self.items(items, count, t)
        elif t.record is IntDict:
            self._update_dict(at, thing)
        elif t.kind == "record" and t.record is SkbPool:
            self._update_record(at, thing, layout(SkbPool), skip=("free",))
            thing.free.clear()
        elif t.kind == "record":
            assert t.record is not None
            self._update_record(at, thing, layout(t.record))

    def _update_record(self, at: int, thing: Any, plan: Layout, skip: tuple[str, ...] = ()) -> None:
        values = iter(plan.pack.unpack_from(self.memory, at))
        for name, (t, _) in plan.fields.items():
            value = next(values)
            if t.kind == "hook":
                next(values)
            elif t.kind in ("int", "i32", "u64", "float"):
                setattr(thing, name, value)
            elif t.kind == "bool":
                setattr(thing, name, bool(value))
            elif t.kind == "digest":
                words = struct.unpack_from("<4q", self.memory, value + 8)
                total = sum(word << (32 * i) for i, word in enumerate(words))
                setattr(thing, name, total % PRIME)
            elif t.kind != "bytes" and name not in skip:
                setattr(thing, name, self._thing(value, t))

    def items(self, at: int, count: int, t: T) -> list[Any]:
        """Return `count` items of an Array or List from an address on."""
        item = t.of[0]
        if count == 0:
            return []
        if item.kind in ("int", "u64"):
            words = array("q" if item.kind == "int" else "Q")
            words.frombytes(bytes(self.memory[at : at + 8 * count]))
            return words.tolist()
        offsets, stride = placed(item)
        kinds = item.of if item.kind == "tuple" else (item,)
        found = []
        for number in range(count):
            base = at + number * stride
            values = tuple(
                self._value(base + offset, kind)
                for kind, offset in zip(kinds, offsets, strict=True)
            )
            found.append(values if item.kind == "tuple" else values[0])
        return found

    def _value(self, at: int, t: T) -> Any:
        if t.kind in _LETTERS:
            return struct.unpack_from(_LETTERS[t.kind], self.memory, at)[0]
        (word,) = struct.unpack_from("<I", self.memory, at)
        if t == INTS:  # inside a tuple: the numbers of a log line
            (count,) = struct.unpack_from("<I", self.memory, word) if word else (0,)
            return tuple(self.items(word + ARRAY_HEAD, count, INTS))
        return self._thing(word, t)

    def _update_params(self, at: int, thing: list[Any]) -> None:
        """Update a list of ints and Arrays; each item stays what it is."""
        for number, old in enumerate(thing):
            (word,) = struct.unpack_from("<q", self.memory, at + 8 * number)
            thing[number] = self._thing(word, INTS) if isinstance(old, list) else word

    def _update_dict(self, at: int, thing: dict[int, int]) -> None:
        held, mask, _, _ = layout(IntDict).pack.unpack_from(self.memory, at)
        words = array("q")
        first = held + ARRAY_HEAD
        words.frombytes(bytes(self.memory[first : first + 8 * CELL_WORDS * (mask + 1)]))
        found = sorted(
            (words[i + 2], words[i], words[i + 1] - 1)
            for i in range(0, len(words), CELL_WORDS)
            if words[i + 1]
        )
        thing.clear()
        thing.update((key, value) for _, key, value in found)


def _blank(t: T) -> Any:
    if t.kind == "array":
        return Array(0)
    if t.kind == "list":
        return List()
    if t.record is Skb:
        return Skb()
    record: Any = t.record
    assert record is not None and record is not IntDict
    return record.__new__(record)
