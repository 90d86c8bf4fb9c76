"""Reading: linear memory → the objects that were laid out, brought up to date.

Of the packets that wait only the first of each map are read, as many as are ever shown: a million of them would take
longer than the run, and more memory than it has.
"""

from __future__ import annotations

import heapq
import struct
from array import array
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sandbox.compiler.wasm.image import CELL_WORDS, LETTERS, Image
from sandbox.compiler.wasm.library import IntDict
from sandbox.compiler.wasm.types import (
    ANY,
    ARRAY_HEAD,
    INTS,
    Layout,
    T,
    layout,
    placed,
    record_type,
)
from sandbox.core.dialect import Array, List
from sandbox.core.sim import Sim
from sandbox.core.skb import Skb, SkbPool
from sandbox.core.skbmap import SkbMap
from sandbox.core.skbtree import SkbTree
from sandbox.core.trace import PRIME
from sandbox.protocol import ENTRIES_MAX

SKB = record_type(Skb)
# What no result is made of, or is read in another way.
UNREAD: dict[type, tuple[str, ...]] = {
    Sim: ("events", "flights", "landed"),
    SkbPool: ("free",),
    Skb: ("next", "left", "right", "parent"),
    SkbMap: ("head", "tail", "heap"),
    SkbTree: ("root",),
}


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
        elif t.kind == "record":
            assert t.record is not None
            self._update_record(at, thing, layout(t.record))
            if t.record is SkbMap:
                self._update_map(at, thing)
            elif t.record is SkbTree:
                self._update_tree(at, thing)
            elif t.record is SkbPool:
                thing.free.clear()

    def _update_record(self, at: int, thing: Any, plan: Layout) -> None:
        skip = UNREAD.get(plan.record, ())
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
                low, high = struct.unpack_from("<QQ", self.memory, value + 8)
                setattr(thing, name, (high << 64 | low) % PRIME)
            elif t.kind not in ("bytes", "unused") and name not in skip:
                setattr(thing, name, self._thing(value, t))

    # --- packets that wait

    def _word(self, at: int, record: type, name: str) -> int:
        """Return the address that a record's field holds."""
        (word,) = struct.unpack_from("<I", self.memory, at + layout(record).fields[name][1])
        return int(word)

    def _update_map(self, at: int, one: SkbMap) -> None:
        """Read the first packets of a list-and-heap map."""
        one.head = one.tail = None
        for skb in islice(self._chain(at), ENTRIES_MAX):
            if one.tail is None:
                one.head = skb
            else:
                one.tail.next = skb
            one.tail = skb
        t, offset = layout(SkbMap).fields["heap"]
        (items_at,) = struct.unpack_from("<I", self.memory, at + offset)
        one.heap.clear()
        if items_at:
            one.heap.extend(self._smallest(items_at, t))

    def _chain(self, at: int) -> Iterator[Skb]:
        skb = self._word(at, SkbMap, "head")
        while skb:
            yield self._thing(skb, SKB)
            skb = self._word(skb, Skb, "next")

    def _smallest(self, at: int, t: T) -> list[tuple[int, int, Skb]]:
        """Return the first items of a heap, sorted, which is a heap too."""
        count, _, items = struct.unpack_from("<III", self.memory, at)
        _, stride = placed(t.of[0])
        raw = self.memory[items : items + count * stride]
        entries = struct.iter_unpack(f"<qqI{stride - 20}x", raw)
        found = heapq.nsmallest(ENTRIES_MAX, entries)
        return [(rank, order, self._thing(skb, SKB)) for rank, order, skb in found]

    def _update_tree(self, at: int, tree: SkbTree) -> None:
        """Read the first packets of a tree, in order: as a tree that only goes to the right."""
        tree.root = last = None
        for skb in islice(self._in_order(at), ENTRIES_MAX):
            skb.parent = last
            if last is None:
                tree.root = skb
            else:
                last.right = skb
            last = skb

    def _in_order(self, at: int) -> Iterator[Skb]:
        above: list[int] = []
        node = self._word(at, SkbTree, "root")
        while above or node:
            while node:
                above.append(node)
                node = self._word(node, Skb, "left")
            node = above.pop()
            yield self._thing(node, SKB)
            node = self._word(node, Skb, "right")

    # --- lists and dictionaries

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
        if t.kind in LETTERS:
            return struct.unpack_from(LETTERS[t.kind], self.memory, at)[0]
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
    made = record.__new__(record)
    if record is SkbMap:
        made.heap = List()
    return made
